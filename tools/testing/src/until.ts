import { setTimeout as sleep } from 'node:timers/promises'

/** Polls a condition for which there is no event, until it holds. @throws Error when it does not hold after `ms` */
export async function until<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  ms = 10_000,
): Promise<T> {
  const end = performance.now() + ms
  for (;;) {
    const found = await ask()
    if (found !== undefined && found !== false) return found
    if (performance.now() > end) throw new Error(`still not so after ${ms} ms: ${ask}`)
    await sleep(10)
  }
}
