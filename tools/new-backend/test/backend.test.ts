import { execFile, spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { laws } from '@rpcx/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeBackend } from '../src/backend.ts'

const root = new URL('../../../', import.meta.url).pathname
let copy = ''
let folder = ''

// A second workspace, in which everything except the new package is a link.
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'rpcx-new-backend-'))
  await cp(join(root, 'packages/inprocess'), join(copy, 'packages/inprocess'), {
    recursive: true,
    filter: path => !path.includes('node_modules'),
  })
  for (const shared of [
    'node_modules',
    'tools',
    'package.json',
    'tsconfig.base.json',
    'biome.json',
    '.gitignore',
  ]) {
    await symlink(join(root, shared), join(copy, shared))
  }
  folder = await writeBackend('wall-board', pathToFileURL(`${copy}/packages/`))
  await mkdir(join(folder, 'node_modules/@rpcx'), { recursive: true })
  for (const needed of ['core', 'contract']) {
    await symlink(join(root, 'packages', needed), join(folder, 'node_modules/@rpcx', needed))
  }
})
afterAll(() => rm(copy, { recursive: true, force: true }))

test('a new package compiles, and every file in it is its own', async () => {
  expect(await run('tsc', '--noEmit')).toEqual({ code: 0, output: '' })
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  expect(manifest).toMatchObject({ name: '@rpcx/wall-board', nx: { name: 'wall-board' } })
  expect(JSON.stringify(manifest)).not.toContain('inprocess')
  for (const page of ['README.md', 'wall-board.api.md'])
    expect(await readFile(join(folder, page), 'utf8')).toContain('@rpcx/wall-board')
  const program = /```ts\n([\s\S]*?)```/.exec(await readFile(join(folder, 'README.md'), 'utf8'))?.[1] ?? ''
  await writeFile(join(folder, 'test/readme.ts'), program.replace("'@rpcx/wall-board'", "'../src/index.ts'"))
  expect(await run('tsc', '--noEmit')).toEqual({ code: 0, output: '' })
  await rm(join(folder, 'test/readme.ts'))
}, 60_000)

test('it is formatted like the rest of the repository', async () => {
  expect(await run('biome', 'check', 'src', 'test')).toMatchObject({ code: 0 })
})

test('it runs the laws, and fails the first one that needs a backend', async () => {
  await run('vitest', 'run', '--bail', '1')
  const report = JSON.parse(await readFile(join(folder, 'reports/test.json'), 'utf8'))
  expect(report).toMatchObject({ numTotalTests: Object.keys(laws).length, numFailedTests: 1 })
  const said = JSON.stringify(report.testResults)
  expect(said).toContain('wall-board: watchEntry is not written yet')
}, 120_000)

test('an invalid name is rejected, and so is the name of an existing package', async () => {
  const packages = pathToFileURL(`${copy}/packages/`)
  for (const name of ['', 'Nats', '../nats', 'nats queue']) {
    await expect(writeBackend(name, packages)).rejects.toThrow(
      `new-backend: ${JSON.stringify(name)} is not a name`,
    )
  }
  await expect(writeBackend('inprocess', packages)).rejects.toMatchObject({ code: 'EEXIST' })
})

test.each([[], ['Nats'], ['inprocess'], ['nats', 'queue']])('new-backend %s prints the usage', (...args) => {
  const main = new URL('../src/main.ts', import.meta.url).pathname
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', main, ...args], {
    encoding: 'utf8',
  })
  expect(status).toBe(2)
  expect(stderr).toMatch(
    /^((packages\/inprocess exists|(Nats|nats queue) is not a name for a backend)\n)?usage: npm run new-backend -- <name>.*\n$/,
  )
})

function run(command: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise(resolve => {
    const child = execFile(join(root, 'node_modules/.bin', command), args, { cwd: folder }, (_e, out, err) =>
      resolve({ code: child.exitCode, output: out + err }),
    )
  })
}
