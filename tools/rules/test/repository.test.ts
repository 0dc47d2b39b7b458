import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const root = new URL('../../../', import.meta.url).pathname

test('the lock file names no host', async () => {
  expect(await readFile(join(root, 'pnpm-lock.yaml'), 'utf8')).not.toMatch(/https?:\/\/|tarball:/)
})

test('nothing is left for later in the sources', async () => {
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
