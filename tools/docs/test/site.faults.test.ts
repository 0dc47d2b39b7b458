/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { chromium, requireBrowser } from '@rpcx/servers'
import type { Browser, Page } from 'playwright-core'
import { chromium as driver } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pages } from '../src/pages.ts'
import { buildSite } from '../src/site.ts'
import { Sources } from '../src/sources.ts'

let folder: string
let warnings: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rpcx-site-'))
  warnings = await buildSite(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('The site is built without a warning', () => {
  expect(warnings).toEqual([])
})

describe.runIf(await requireBrowser())('In a browser', () => {
  let server: Server
  let origin: string
  let browser: Browser

  beforeAll(async () => {
    server = createServer(async ({ url = '' }, response) => {
      const path = decodeURIComponent(url.replace(/[?#].*/, ''))
      const body = await readFile(join(folder, path)).catch(() => undefined)
      const type = TYPES[extname(path)] ?? 'text/plain'
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': type }).end(body)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { file, env } = await chromium()
    browser = await driver.launch({
      executablePath: file,
      env: { ...process.env, ...env } as Record<string, string>,
      // Without a sandbox it also runs in containers. It opens only this site.
      chromiumSandbox: false,
    })
  })
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  test('every page opens without an error, and every link and anchor leads to something', async () => {
    const page = await browser.newPage()
    const wrong: string[] = []
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) wrong.push(`${page.url()}: ${message.text()}`)
    })
    page.on('pageerror', error => wrong.push(`${page.url()}: ${error.message}`))
    page.on('response', response => {
      if (!response.ok()) wrong.push(`${page.url()} asks for ${response.url()}: ${response.status()}`)
    })

    const anchors = new Map<string, Set<string>>()
    const links: { readonly from: string; readonly to: string; readonly anchor: string }[] = []
    const waiting = new Set([`${origin}/index.html`])
    for (const url of waiting) {
      const { ids, hrefs, isTooWide } = await open(page, url)
      if (isTooWide) wrong.push(`${url} is wider than its column`)
      anchors.set(url, new Set(ids))
      for (const href of hrefs.filter(link => link.startsWith(`${origin}/`))) {
        const [to = '', anchor = ''] = href.split('#')
        links.push({ from: url, to, anchor: decodeURIComponent(anchor) })
        if (to.endsWith('.html')) waiting.add(to)
      }
    }
    await page.close()

    const others = new Set(links.map(({ to }) => to).filter(to => !anchors.has(to)))
    for (const to of others) if (!(await fetch(to)).ok) wrong.push(`there is no ${to}`)
    for (const { from, to, anchor } of links)
      if (anchor !== '' && anchors.get(to)?.has(anchor) === false)
        wrong.push(`${from} links to ${to}, which has no anchor ${anchor}`)
    console.info(`${anchors.size} pages, ${links.length} links`)
    expect(wrong).toEqual([])
    // Each export and each guide has a page.
    expect(anchors.size).toBeGreaterThan(new Sources().exports.size)
  }, 120_000)

  test('the search finds an option and leads to its page', async () => {
    const page = await browser.newPage()
    await page.goto(`${origin}/index.html`)
    await page.click('#tsd-search-trigger')
    await page.fill('#tsd-search-input', 'heartbeatMs')
    const found = page.locator('#tsd-search-results a').filter({ hasText: 'XClientOptions' }).first()
    await found.click()
    await page.waitForURL(/XClientOptions\.html#heartbeatms$/i)
    await page.close()
  })

  test('each guide is in the navigation', async () => {
    const page = await browser.newPage()
    await page.goto(`${origin}/index.html`)
    await page.locator('#tsd-nav-container a').first().waitFor({ state: 'attached' })
    const listed = await page.locator('#tsd-nav-container a').allTextContents()
    const titles = pages()
      .filter(({ path }) => path.startsWith('docs/'))
      .map(({ headings }) => headings[0]?.text as string)
    expect(listed.map(text => text.trim())).toEqual(expect.arrayContaining(titles))
    await page.close()
  })
})

interface Seen {
  readonly ids: string[]
  readonly hrefs: string[]
  /** Whether a table or a block of code overlaps its neighbours. */
  readonly isTooWide: boolean
}

/** Returns the contents of a page after its scripts have run. */
async function open(page: Page, url: string): Promise<Seen> {
  await page.goto(url)
  await page.locator('#tsd-nav-container a').first().waitFor({ state: 'attached' })
  return page.evaluate(() => {
    const column = document.querySelector('.col-content')?.getBoundingClientRect().right ?? 0
    return {
      ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
      hrefs: [...document.querySelectorAll<HTMLAnchorElement>('a[href]')].map(({ href }) => href),
      isTooWide: [...document.querySelectorAll('.col-content table, .col-content pre')].some(
        element => element.getBoundingClientRect().right > column + 1,
      ),
    }
  })
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}
