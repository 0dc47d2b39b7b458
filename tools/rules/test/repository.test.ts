import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))

test('the lock file contains no host', async () => {
  expect(await readFile(join(root, 'pnpm-lock.yaml'), 'utf8')).not.toMatch(/https?:\/\/|tarball:/)
})

test('the sources leave nothing for later', async () => {
  const { stdout } = await run('git', ['ls-files', '-co', '--exclude-standard', '*.ts', '*.js'], {
    cwd: root,
  })
  const words = new RegExp(
    ['TO' + 'DO', 'FIX' + 'ME', 'HA' + 'CK:', 'ts-' + 'ignore', 'biome-' + 'ignore'].join('|'),
  )
  for (const file of stdout.trim().split('\n')) {
    expect(words.exec(await readFile(join(root, file), 'utf8'))?.[0], file).toBeUndefined()
  }
})

test('nothing identifies objects of core by their class, because a process may have two copies of core', async () => {
  const index = await readFile(join(root, 'packages/core/src/index.ts'), 'utf8')
  const classes = [...index.matchAll(/^export \{ (.*?) \}/gm)]
    .flatMap(([, names = '']) => names.split(', '))
    .filter(name => /^[A-Z]/.test(name))
  expect(classes).toContain('RpcxError')
  const check = new RegExp(`instanceof (${classes.join('|')})\\b`)
  const { stdout } = await run('git', ['ls-files', 'packages/*/src', 'examples', 'tools/new-backend/src'], {
    cwd: root,
  })
  for (const file of stdout
    .trim()
    .split('\n')
    .filter(name => name.endsWith('.ts'))) {
    expect(check.exec(await readFile(join(root, file), 'utf8'))?.[0], file).toBeUndefined()
  }
})

test('CI runs what a clean checkout runs, on each promised version of Node', async () => {
  const workflow = await readFile(join(root, '.github/workflows/ci.yml'), 'utf8')
  expect(workflow).toMatch(/node: \[.20\.19., .22., .24.\]/)
  const parts = ['static', 'unit', 'test', 'faults', 'release'].map(part => `run: .ci/run ${part}\n`)
  for (const step of [...parts, 'pnpm run release:version', 'pnpm run release:publish']) {
    expect(workflow).toContain(step)
  }
})
