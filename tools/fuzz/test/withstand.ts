import { test } from 'vitest'
import { fuzz } from '../src/fuzz.ts'
import type { Target } from '../src/target.ts'

const COUNT = process.env.RPCX_FULL ? 1_000_000 : 100_000
const LONGEST_MS = COUNT * 2

/** Defines a test for each target. The number of inputs depends on the kind of run. */
export function withstand(targets: readonly Target[]): void {
  for (const target of targets) {
    const count = COUNT * (target.share ?? 1)
    test(
      `${count} hostile inputs do no harm to ${target.name}`,
      async () => {
        const { inputs, bytes, tookMs } = await fuzz(target, count)
        const each = `${(bytes / inputs).toFixed(0)} bytes and ${((1_000 * tookMs) / inputs).toFixed(0)} µs each`
        console.info(`${target.name}: ${inputs} inputs, ${each}`)
      },
      LONGEST_MS,
    )
  }
}
