import type { Clock } from '../../clock.ts'

/**
 * How much load repeated calls may add: a share of the calls of the last seconds. Without it, a fleet that fails because it is
 * overloaded is given several times its load.
 */
export class RetryBudget {
  readonly #clock: Clock
  readonly #share: number
  /** Called when it is spent, once until it is not. */
  readonly #spent: () => void
  /** All calls that were started; counting is all that a call costs. */
  calls = 0
  #since: number
  #callsBefore = 0
  #callsLast = 0
  #retries = 0
  #retriesLast = 0
  #isSpent = false

  /** @param share of the calls that may be repeated: 0.1 is 10 % */
  constructor(clock: Clock, share: number, spent: () => void) {
    this.#clock = clock
    this.#since = clock.now()
    this.#share = share
    this.#spent = spent
  }

  /** Whether a call may be repeated, which is then counted. What is free may always be, but leaves less for the others. */
  take(isFree = false): boolean {
    this.#turn()
    const calls = this.#callsLast + this.calls - this.#callsBefore
    // So that a client with few calls can repeat any at all.
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

  /** Two halves of the time that counts take turns, so that nobody has to remember when each call was. */
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
