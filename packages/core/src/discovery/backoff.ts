import type { Clock } from '../clock.ts'
import { isRpcxError } from '../errors.ts'

/**
 * When to try again, for everything that uses one connection to a registry: soon after a failure out of the blue, then
 * every second or so, never longer, so that a registry that is back is found back. Refused credentials: every 5 s, but no less
 * often than all else while what is kept there lives.
 */
export class Backoff {
  /** How long what is kept there lives on without us, in milliseconds. */
  keptMs = 0
  readonly #clock: Clock
  readonly #scale: number
  /** When all who wait may try again, by the clock. */
  #until = Number.NEGATIVE_INFINITY
  /** When the first failure in this row came. */
  #since = Number.NEGATIVE_INFINITY

  /** @param scale how long a second is here, in seconds: tests that count retries make it short */
  constructor(clock: Clock, scale = 1) {
    this.#clock = clock
    this.#scale = scale
  }

  /** Resolves when it is time, or when `signal` aborts. */
  async wait(error: unknown, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now()
    if (this.#until <= now) this.#until = now + this.#scale * this.#delayMs(error, now)
    // A timer may be a fraction early; the next failure would then not have to wait at all.
    await this.#clock.sleep(Math.ceil(this.#until - now) + 1, signal)
  }

  #delayMs(error: unknown, now: number): number {
    const isFirst = now - this.#until > CALM_MS
    if (isFirst) this.#since = now
    const jitterMs = this.#clock.random() * 250
    // A password may come a little late; only what nothing depends on can wait for it.
    const isUrgent = now - this.#since < this.keptMs
    if (isRpcxError(error, 'ERR_RPCX_AUTH') && !isUrgent) return 5_000 + jitterMs
    return isFirst ? jitterMs : 1_000 + jitterMs
  }
}

// After so long without a failure, the next one is out of the blue.
const CALM_MS = 5_000
