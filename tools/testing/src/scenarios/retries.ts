import { expect } from 'vitest'
import type { Program } from '../program.ts'

/** A program that retries in vain: what one retry leaves behind in memory is nothing that adds up. */
export async function leavesNothingBehind(program: Program): Promise<void> {
  const { what } = await program.events.until(({ event }) => event === 'grown')
  await program.close()
  console.info(`a retry leaves ${Math.round(what.bytesPerRetry as number)} bytes behind`)
  expect(what.bytesPerRetry).toBeLessThan(100)
}
