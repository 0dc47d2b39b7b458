import type { Clock, Timer } from '../../clock.ts'
import type { CallHolder } from '../../peer/pending-call.ts'
import type { Call } from '../call/call.ts'

/** Calls that wait a moment before their next attempt: more at random, and longer, the more often they were tried. */
export class RetryQueue implements CallHolder, Iterable<Call> {
  readonly #clock: Clock
  readonly #resume: (call: Call) => void
  readonly #timers = new Map<Call, Timer>()

  /** @param resume begins the next attempt */
  constructor(clock: Clock, resume: (call: Call) => void) {
    this.#clock = clock
    this.#resume = resume
  }

  add(call: Call): void {
    const mostMs = Math.min(FIRST_MS * 2 ** (call.attempts - 1), MOST_MS)
    call.holder = this
    this.#timers.set(
      call,
      this.#clock.setTimeout(() => this.#over(call), this.#clock.random() * mostMs),
    )
  }

  forget(call: Call): void {
    this.#clock.clear(this.#timers.get(call))
    this.#timers.delete(call)
  }

  [Symbol.iterator](): Iterator<Call> {
    return this.#timers.keys()
  }

  #over(call: Call): void {
    this.#timers.delete(call)
    call.holder = undefined
    this.#resume(call)
  }
}

const FIRST_MS = 5
const MOST_MS = 1_000
