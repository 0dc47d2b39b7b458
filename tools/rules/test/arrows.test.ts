import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))

describe('In core, a folder imports only', () => {
  const core = join(root, 'packages/core/src')
  /**
   * Every folder may also import the files beside the folders, which are the leaves. If a row names a file, only that file of its folder
   * may be imported.
   */
  const arrows: Readonly<Record<string, readonly string[]>> = {
    leaves: [],
    wire: [],
    codec: ['wire'],
    transport: ['wire'],
    call: [],
    peer: ['call', 'codec', 'transport', 'wire'],
    discovery: [],
    server: ['call', 'codec', 'transport', 'server'],
    'server/rpcx': ['call', 'codec', 'transport', 'wire', 'peer', 'server'],
    client: ['call', 'codec', 'transport', 'wire', 'peer', 'discovery', 'client'],
    'client/select': ['discovery', 'client/select'],
    'client/policy': ['client/policy', 'client/select/selector.ts'],
    registry: ['discovery', 'server/plugin.ts', 'server/meters.ts'],
  }

  test.each(Object.entries(arrows))('%s: %j', async (from, allowed) => {
    const files = await filesOf(from)
    expect(files.length).toBeGreaterThan(0)
    const wrong: string[] = []
    for (const file of files) {
      for (const imported of await importsOf(file)) {
        const folder = dirname(imported)
        const isOwn = folder === dirname(file)
        const isLeaf = folder === '.'
        const isAllowed = allowed.some(
          path => imported === path || folder === path || folder.startsWith(`${path}/`),
        )
        if (!isOwn && !isLeaf && !isAllowed) wrong.push(`${file} imports ${imported}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('the table has every folder', async () => {
    const all = (await readdir(core, { recursive: true, encoding: 'utf8' })).filter(path =>
      path.endsWith('.ts'),
    )
    const known = (await Promise.all(Object.keys(arrows).map(filesOf))).flat()
    expect(new Set(known)).toEqual(new Set(all))
  })

  /** Returns the files of a folder, and of its subfolders without a row of their own. */
  async function filesOf(row: string): Promise<string[]> {
    const all = (await readdir(core, { recursive: true, encoding: 'utf8' })).filter(path =>
      path.endsWith('.ts'),
    )
    const rows = Object.keys(arrows).toSorted((a, b) => b.length - a.length)
    return all.filter(path => (rows.find(other => path.startsWith(`${other}/`)) ?? 'leaves') === row)
  }

  async function importsOf(file: string): Promise<string[]> {
    // It exports all public names.
    if (file === 'index.ts') return []
    const text = await readFile(join(core, file), 'utf8')
    return [...text.matchAll(/(?:from|import) '(\.[^']+)'/g)].map(([, path = '']) =>
      relative(core, resolve(core, dirname(file), path)),
    )
  }
})

describe('The linter rejects that', () => {
  let copy = ''

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'rpcx-arrows-'))
    await cp(join(root, 'biome.json'), join(copy, 'biome.json'))
    await cp(join(root, '.gitignore'), join(copy, '.gitignore'))
  })
  afterAll(() => rm(copy, { recursive: true, force: true }))

  test.each([
    ['packages/etcd/src/driver.ts', '@rpcx/inprocess'],
    ['packages/etcd/src/driver.ts', '@rpcx/contract'],
    ['packages/etcd/src/driver.ts', '../../core/src/errors.ts'],
    ['examples/peer2peer/client.ts', '../../packages/core/src/index.ts'],
  ] as const)('%s imports %s', async (file, imported) => {
    expect(await lint('noRestrictedImports', { [file]: imported })).toContain('noRestrictedImports')
  })

  test('files import each other', async () => {
    const cycle = { 'packages/core/src/one.ts': './two.ts', 'packages/core/src/two.ts': './one.ts' }
    expect(await lint('noImportCycles', cycle)).toContain('noImportCycles')
  })

  test('but not that a backend imports core', async () => {
    const said = await lint('noRestrictedImports', { 'packages/etcd/src/driver.ts': '@rpcx/core' })
    expect(said).not.toContain('noRestrictedImports')
  })

  /** Resolves to the linter's errors for files with these imports. */
  async function lint(rule: string, files: Readonly<Record<string, string>>): Promise<string> {
    for (const [file, imported] of Object.entries(files)) {
      const path = join(copy, file)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, `import { thing } from '${imported}'\n\nexport const other: unknown = thing\n`)
    }
    const paths = Object.keys(files).map(file => join(copy, file))
    return new Promise(resolve => {
      const args = ['lint', `--only=${rule}`, ...paths]
      execFile(join(root, 'node_modules/.bin/biome'), args, { cwd: copy }, (_error, stdout, stderr) => {
        resolve(stdout + stderr)
      })
    })
  }
})
