import { expect } from 'vitest'
import type { Program } from '../program.ts'

/** A program retries without success. The retries do not leak memory. */
export async function leavesNothingBehind(program: Program): Promise<void> {
  const { what } = await program.events.until(({ event }) => event === 'grown')
  await program.close()
  console.info(`a retry leaves ${Math.round(what.bytesPerRetry as number)} bytes behind`)
  expect(what.bytesPerRetry).toBeLessThan(100)
}
