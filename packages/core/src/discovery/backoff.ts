import { isRpcxError } from '../errors.ts'

/**
 * When to try again, for everything that uses one connection to a registry: soon after a failure out of the blue, then
 * every second or so, never longer, so that a registry that is back is found back. Refused credentials: every 5 s.
 */
export class Backoff {
  #waiting: Promise<void> | undefined
  #endedAt = Number.NEGATIVE_INFINITY

  /** Resolves when it is time, for all who wait; at once when `signal` aborts. */
  async wait(error: unknown, signal: AbortSignal): Promise<void> {
    this.#waiting ??= this.#start(this.#delayMs(error))
    if (signal.aborted) return
    let stop: (() => void) | undefined
    const aborted = new Promise<void>(resolve => {
      stop = resolve
      signal.addEventListener('abort', resolve as () => void, { once: true })
    })
    await Promise.race([this.#waiting, aborted])
    if (stop !== undefined) signal.removeEventListener('abort', stop)
  }

  #delayMs(error: unknown): number {
    const jitter = Math.random() * JITTER_MS
    if (isRpcxError(error, 'ERR_RPCX_AUTH')) return REFUSED_MS + jitter
    return performance.now() - this.#endedAt > CALM_MS ? jitter : RETRY_MS + jitter
  }

  #start(ms: number): Promise<void> {
    return new Promise(resolve => {
      setTimeout(() => {
        this.#endedAt = performance.now()
        this.#waiting = undefined
        resolve()
      }, ms).unref()
    })
  }
}

const JITTER_MS = 250
const RETRY_MS = 1_000
const REFUSED_MS = 5_000
// After so long without a failure, the next one is out of the blue.
const CALM_MS = 5_000
