import { expect, test } from 'vitest'
import { Program } from './program.ts'

test('fail-policy: a call that one server declined runs at another server of the same zone', async () => {
  await using program = new Program('fail-policy/main.ts')
  await program.line(/^answered in east$/)
  expect(await program.exit()).toBe(0)
})
