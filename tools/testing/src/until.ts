import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again and again for what no event tells of, until there is an answer. @throws Error when there is none after `ms` */
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
