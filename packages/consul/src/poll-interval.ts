import type { Clock } from '@rpcx/core'

/**
 * How often one key or list is asked for: at once after a change, but in the long run no more than once in each interval. An
 * agent that does not wait, or a key that changes without a pause, would else keep both sides busy.
 */
export class PollInterval {
  readonly #clock: Clock
  readonly #leastMs: number
  #intervalMs: number
  #atOnce = AT_ONCE
  /** When the next may come at the latest, had there been one in each interval. */
  #due = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock
    this.#leastMs = intervalMs
    this.#intervalMs = intervalMs
  }

  /** An answer had so many items. Consul sends all of them again for each change, so of many it is asked less often. */
  answered(items: number): void {
    this.#intervalMs = Math.max(this.#leastMs, Math.min(items / 20, 1_000))
    this.#atOnce = this.#intervalMs > this.#leastMs ? 1 : AT_ONCE
  }

  /** Resolves when it is time, or when `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now()
    this.#due = Math.max(this.#due, now - this.#atOnce * this.#intervalMs) + this.#intervalMs
    if (this.#due > now) await this.#clock.sleep(this.#due - now, signal)
  }
}

const AT_ONCE = 16
