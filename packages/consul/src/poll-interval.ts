import type { Clock } from '@rpcx/core'

/**
 * The minimum interval between requests for one key or list. After a change, the next request goes out at once, but in the long run there
 * is at most one for each interval. This protects both sides from an agent that does not block, and from a key that changes constantly.
 */
export class PollInterval {
  readonly #clock: Clock
  readonly #leastMs: number
  #intervalMs: number
  #atOnce = AT_ONCE
  /** When the next request would go out if every interval had had one. */
  #due = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock
    this.#leastMs = intervalMs
    this.#intervalMs = intervalMs
  }

  /** Sets the interval from the number of items. Consul sends the whole list at each change, so long lists are requested less often. */
  answered(items: number): void {
    this.#intervalMs = Math.max(this.#leastMs, Math.min(items / 20, 1_000))
    this.#atOnce = this.#intervalMs > this.#leastMs ? 1 : AT_ONCE
  }

  /** Resolves when the next request may go out, or when `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now()
    this.#due = Math.max(this.#due, now - this.#atOnce * this.#intervalMs) + this.#intervalMs
    if (this.#due > now) await this.#clock.sleep(this.#due - now, signal)
  }
}

const AT_ONCE = 16
