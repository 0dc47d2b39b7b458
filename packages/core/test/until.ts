import { setImmediate as turn } from 'node:timers/promises'

/** Polls a state for which there is no event. Rejects when it has not come after `ms`. */
export async function until(condition: () => boolean, ms = 5_000): Promise<void> {
  const end = performance.now() + ms
  while (!condition()) {
    if (performance.now() > end) throw new Error(`still not so after ${ms} ms: ${condition}`)
    await turn()
  }
}
