import type { Clock } from '../clock.ts'
import { isRpcxError } from '../errors.ts'

/**
 * Decides when all users of one registry connection try again. After a period without failures, the first retry follows within 250 ms,
 * later ones follow about every second. The delay never grows, so that clients soon notice that the registry is back. After refused
 * credentials, the delay is 5 s, unless the registry still keeps an entry of this process.
 */
export class Backoff {
  /** How long the registry keeps the entries of this process after it loses the connection, in milliseconds. 0 when there are none. */
  keptMs = 0
  readonly #clock: Clock
  readonly #scale: number
  /** The time of the next attempt, which all waiting users share. */
  #until = Number.NEGATIVE_INFINITY
  /** The time of the first failure in the current series. */
  #since = Number.NEGATIVE_INFINITY

  /** @param scale factor for all delays; tests that count retries make it small */
  constructor(clock: Clock, scale = 1) {
    this.#clock = clock
    this.#scale = scale
  }

  /** Resolves when the next attempt may start, or when `signal` aborts. */
  async wait(error: unknown, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now()
    if (this.#until <= now) this.#until = now + this.#scale * this.#delayMs(error, now)
    // A timer may fire a fraction of a millisecond early. The next failure would then find this delay unfinished, and would not wait.
    await this.#clock.sleep(Math.ceil(this.#until - now) + 1, signal)
  }

  #delayMs(error: unknown, now: number): number {
    const isFirst = now - this.#until > CALM_MS
    if (isFirst) this.#since = now
    const jitterMs = this.#clock.random() * 250
    // Entries that would expire cannot wait 5 s until the registry accepts the credentials again.
    const isUrgent = now - this.#since < this.keptMs
    if (isRpcxError(error, 'ERR_RPCX_AUTH') && !isUrgent) return 5_000 + jitterMs
    return isFirst ? jitterMs : 1_000 + jitterMs
  }
}

// After so long without a failure, the next failure starts a new series.
const CALM_MS = 5_000
