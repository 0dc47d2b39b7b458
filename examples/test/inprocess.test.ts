import { expect, test } from 'vitest'
import { Program } from './program.ts'

test('inprocess: a client makes a hundred calls to a server in its own process', async () => {
  await using program = new Program('inprocess/main.ts')
  await program.line(/^100 calls, sum 101000$/)
  expect(await program.exit()).toBe(0)
})
