import { test } from 'vitest'
import type { Entrance } from '../src/entrance.ts'
import { fuzz } from '../src/fuzz.ts'

const COUNT = process.env.RPCX_FULL ? 1_000_000 : 100_000
const LONGEST_MS = COUNT * 2

/** Defines a test for each entrance, with as many inputs as the run is for. */
export function withstand(entrances: readonly Entrance[]): void {
  for (const entrance of entrances) {
    const count = COUNT * (entrance.share ?? 1)
    test(
      `${count} hostile inputs do no harm to ${entrance.name}`,
      async () => {
        const { inputs, bytes, tookMs } = await fuzz(entrance, count)
        const each = `${(bytes / inputs).toFixed(0)} bytes and ${((1_000 * tookMs) / inputs).toFixed(0)} µs each`
        console.info(`${entrance.name}: ${inputs} inputs, ${each}`)
      },
      LONGEST_MS,
    )
  }
}
