import { expect, test } from 'vitest'
import { Program } from './program.ts'

test('interceptors: calls are logged and carry a trace', async () => {
  await using program = new Program('interceptors/main.ts')
  await program.line(/^in trace 00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  await program.line(/^Arith\.Mul ran at tcp@127\.0\.0\.1:\d+ after \d+\.\d ms$/)
  await program.line(/^Arith\.Div failed: no division today after \d+\.\d ms$/)
  expect(await program.exit()).toBe(0)
})
