import { freePort, multicastPort, requireServer, startConsul, startEtcd, startZooKeeper } from '@rpcx/servers'
import { describe, expect, test } from 'vitest'
import { Program } from '../../../examples/test/program.ts'
import type { Page } from '../src/pages.ts'
import { pages, parse } from '../src/pages.ts'
import { nameOf, Snippets } from '../src/snippets.ts'
import { Sources } from '../src/sources.ts'
import { stepsOf } from '../src/steps.ts'

const registries = {
  etcd: { start: startEtcd, address: '127.0.0.1:2379' },
  zookeeper: { start: startZooKeeper, address: '127.0.0.1:2181' },
  consul: { start: startConsul, address: '127.0.0.1:8500' },
}
const kinds = Object.keys(registries) as (keyof typeof registries)[]

const sources = new Sources()
const withPrograms = pages().filter(page => stepsOf(page).length > 0)

test('the README has a program', () => {
  expect(withPrograms.map(({ path }) => path)).toContain('README.md')
})

for (const page of withPrograms) {
  const kind = kinds.find(name => [...programsOf(page).values()].join().includes(registries[name].address))
  describe.runIf(kind === undefined || (await requireServer(kind)))(page.path, () => {
    test('has programs with the output that it promises', async () => {
      await using registry = kind && (await registries[kind].start())
      await run(await moved(page, kind && registries[kind].address, registry?.address))
    }, 60_000)
  })
}

/** Runs the programs of a page in order, as a reader would. Each must print the promised output and exit without an error. */
async function run(page: Page): Promise<void> {
  const snippets = new Snippets(`run-${page.path.replaceAll(/\W/g, '-')}`, [page], sources)
  const code = programsOf(page)
  const started: Program[] = []
  try {
    for (const { file, says } of stepsOf(page)) {
      const program = new Program(snippets.file(page.path, file))
      started.push(program)
      for (const line of says)
        await program.line(new RegExp(`^${line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`))
      if (!code.get(file)?.includes('closeOn')) expect(await program.exit(), file).toBe(0)
    }
    for (const program of started) {
      await program.kill('SIGTERM')
      expect(await program.exit()).toBe(0)
    }
  } finally {
    for (const program of started) await program.kill()
  }
}

/** Returns the code of a page's programs, by name. */
function programsOf(page: Page): Map<string, string> {
  const files = stepsOf(page).map(({ file }) => file)
  const named = page.blocks.map(block => [nameOf(block), block.code] as const)
  return new Map(named.filter(([name]) => files.includes(name)))
}

/** Returns the page with test addresses, because its own addresses may be in use here. */
async function moved(page: Page, registry = '', to = ''): Promise<Page> {
  const port = multicastPort()
  let text = page.text.replaceAll(registry || /(?!)/g, to)
  text = text.replace(
    /MDNS(RegisterPlugin|Discovery)\(\)/g,
    `MDNS$1({ interfaces: '127.0.0.1', port: ${port} })`,
  )
  for (const own of ['8972', '8973', '8999']) {
    const free = `127.0.0.1:${await freePort()}`
    text = text.replaceAll(`127.0.0.1:${own}`, free).replaceAll(`0.0.0.0:${own}`, free)
  }
  return parse(page.path, text)
}
