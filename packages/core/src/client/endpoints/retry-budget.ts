import type { Clock } from '../../clock.ts'

/**
 * Limits the load that retries add to a fraction of the calls of the last seconds. Without it, retries would multiply the load of servers
 * that fail because they are overloaded.
 */
export class RetryBudget {
  readonly #clock: Clock
  readonly #share: number
  /** Called when the budget is used up; not again until a retry was within the budget. */
  readonly #spent: () => void
  /** The number of calls that were started. The dispatcher increments it directly, to keep the cost per call low. */
  calls = 0
  #since: number
  #callsBefore = 0
  #callsLast = 0
  #retries = 0
  #retriesLast = 0
  #isSpent = false

  /** @param share the fraction of the calls that may be repeated, such as 0.1 */
  constructor(clock: Clock, share: number, spent: () => void) {
    this.#clock = clock
    this.#since = clock.now()
    this.#share = share
    this.#spent = spent
  }

  /** Returns whether a call may be repeated, and counts it if so. A free retry is always allowed, but uses up the budget for others. */
  take(isFree = false): boolean {
    this.#turn()
    const calls = this.#callsLast + this.calls - this.#callsBefore
    // The minimum lets a client with few calls retry at all.
    const limit = this.#share === 0 ? 0 : Math.max(calls * this.#share, LEAST)
    const isWithin = this.#retriesLast + this.#retries < limit
    if (isWithin || isFree) {
      this.#retries++
      this.#isSpent &&= !isWithin
      return true
    }
    if (!this.#isSpent) this.#spent()
    this.#isSpent = true
    return false
  }

  /** Moves to the current half of the time window. Two counters, one per half, make it unnecessary to record the time of each call. */
  #turn(): void {
    const now = this.#clock.now()
    const halves = Math.floor((now - this.#since) / HALF_MS)
    if (halves === 0) return
    const isNext = halves === 1
    this.#callsLast = isNext ? this.calls - this.#callsBefore : 0
    this.#retriesLast = isNext ? this.#retries : 0
    this.#callsBefore = this.calls
    this.#retries = 0
    this.#since += halves * HALF_MS
  }
}

const HALF_MS = 5_000
const LEAST = 10
