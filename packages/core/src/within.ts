import type { Clock, Timer } from './clock.ts'

/** Waits for `promise`, for at most `ms`. Resolves to `undefined` when the time is over. */
export async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: Timer | undefined
  const over = new Promise<undefined>(resolve => {
    timer = clock.setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([promise, over])
  } finally {
    clock.clear(timer)
  }
}
