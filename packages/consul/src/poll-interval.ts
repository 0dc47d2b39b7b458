import { setTimeout as sleep } from 'node:timers/promises'

/**
 * How often one key or list is asked for: at once after a change, but in the long run no more than once in each interval. An
 * agent that does not wait, or a key that changes without a pause, would else keep both sides busy.
 */
export class PollInterval {
  readonly #leastMs: number
  #intervalMs: number
  #atOnce = AT_ONCE
  /** When the next may come at the latest, had there been one in each interval. */
  #due = Number.NEGATIVE_INFINITY

  constructor(intervalMs: number) {
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
    const now = performance.now()
    this.#due = Math.max(this.#due, now - this.#atOnce * this.#intervalMs) + this.#intervalMs
    if (this.#due > now) await sleep(this.#due - now, undefined, { signal, ref: false }).catch(() => {})
  }
}

const AT_ONCE = 16
