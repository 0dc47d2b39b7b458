import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

test('the tour fails no call while a server is killed and started again, and says so', async () => {
  const main = new URL('../src/main.ts', import.meta.url).pathname
  const args = ['--conditions=@rpcx/source', '--import', 'tsx', main, 'multiple-servers', '--seconds', '3']
  const { stdout } = await run(process.execPath, args)
  expect(stdout).toMatch(/killed server \d+ at tcp@127\.0\.0\.1:\d+/)
  expect(stdout).toMatch(/started it again as \d+/)
  expect(stdout).toMatch(/calls made, 0 failed/)
})
