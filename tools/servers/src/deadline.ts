import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves as `work` does; rejects with `what` and the time when it takes longer than `timeoutMs`. */
export async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

export interface Patience {
  /** What the caller waits for, for the error message. */
  readonly what: string
  readonly timeoutMs: number
  /** Ends the wait early, and rejects with the reason of the signal. */
  readonly signal?: AbortSignal
  /** The pause between two attempts, in milliseconds. @default 20 */
  readonly pauseMs?: number
}

/** Calls `attempt` until it resolves. Rejects when the time is over, with the last rejection as `cause`. */
export async function untilResolved<T>(attempt: () => Promise<T>, patience: Patience): Promise<T> {
  const { what, timeoutMs, signal, pauseMs = 20 } = patience
  const end = performance.now() + timeoutMs
  for (;;) {
    const leftMs = Math.max(1, Math.ceil(end - performance.now()))
    try {
      return await within(leftMs, what, attempt())
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      if (performance.now() + pauseMs >= end) {
        throw new Error(`${what}: not within ${timeoutMs} ms`, { cause })
      }
    }
    await sleep(pauseMs)
  }
}
