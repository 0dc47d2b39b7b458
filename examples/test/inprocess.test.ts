import { expect, test } from 'vitest'
import { Program } from './program.ts'

test('inprocess: a hundred calls in one process', async () => {
  await using program = new Program('inprocess/main.ts')
  await program.line(/^100 calls, sum 101000$/)
  expect(await program.exit()).toBe(0)
})
