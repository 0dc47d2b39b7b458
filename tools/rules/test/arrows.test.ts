import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = new URL('../../../', import.meta.url).pathname
let copy = ''

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'rpcx-arrows-'))
  await cp(join(root, 'biome.json'), join(copy, 'biome.json'))
  await cp(join(root, '.gitignore'), join(copy, '.gitignore'))
})
afterAll(() => rm(copy, { recursive: true, force: true }))

const core = 'packages/core/src'
const forbidden = [
  [`${core}/errors.ts`, './wire/header.ts'],
  [`${core}/wire/header.ts`, '../transport/tcp.ts'],
  [`${core}/codec/json.ts`, '../server/server.ts'],
  [`${core}/transport/tcp.ts`, '../client/node.ts'],
  [`${core}/server/session.ts`, '../client/node.ts'],
  [`${core}/server/session.ts`, '../discovery/driver.ts'],
  [`${core}/server/session.ts`, '../registry/announcer.ts'],
  [`${core}/client/node.ts`, '../server/session.ts'],
  [`${core}/client/select/random.ts`, '../../server/session.ts'],
  [`${core}/client/node.ts`, '../registry/announcer.ts'],
  [`${core}/discovery/feed.ts`, '../client/node.ts'],
  [`${core}/discovery/feed.ts`, '../server/plugin.ts'],
  [`${core}/registry/announcer.ts`, '../server/session.ts'],
  [`${core}/registry/announcer.ts`, '../client/node.ts'],
  ['packages/etcd/src/driver.ts', '@rpcx/inprocess'],
  ['packages/etcd/src/driver.ts', '@rpcx/contract'],
  ['packages/etcd/src/driver.ts', '../../core/src/errors.ts'],
  ['examples/peer2peer/client.ts', '../../packages/core/src/index.ts'],
] as const

test.each(forbidden)('%s must not import %s', async (file, imported) => {
  expect(await lint(file, imported)).toContain('noRestrictedImports')
})

const allowed = [
  [`${core}/wire/header.ts`, '../errors.ts'],
  [`${core}/client/node.ts`, '../discovery/discovery.ts'],
  [`${core}/registry/announcer.ts`, '../server/plugin.ts'],
  ['packages/etcd/src/driver.ts', '@rpcx/core'],
] as const

test.each(allowed)('%s may import %s', async (file, imported) => {
  expect(await lint(file, imported)).not.toContain('noRestrictedImports')
})

/** What the linter says of a file that imports another. */
async function lint(file: string, imported: string): Promise<string> {
  const path = join(copy, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `import { thing } from '${imported}'\n\nexport const other: unknown = thing\n`)
  return new Promise(resolve => {
    const args = ['lint', '--only=noRestrictedImports', path]
    execFile(join(root, 'node_modules/.bin/biome'), args, { cwd: copy }, (_error, stdout, stderr) => {
      resolve(stdout + stderr)
    })
  })
}
