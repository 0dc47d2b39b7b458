import type { CallHolder } from '../../peer/pending-call.ts'
import type { Call } from '../call/call.ts'

/** Calls that wait a moment before their next attempt: more at random, and longer, the more often they were tried. */
export class RetryQueue implements CallHolder, Iterable<Call> {
  readonly #resume: (call: Call) => void
  readonly #timers = new Map<Call, NodeJS.Timeout>()

  /** @param resume begins the next attempt */
  constructor(resume: (call: Call) => void) {
    this.#resume = resume
  }

  add(call: Call): void {
    const mostMs = Math.min(FIRST_MS * 2 ** (call.attempts - 1), MOST_MS)
    call.holder = this
    this.#timers.set(
      call,
      setTimeout(() => this.#over(call), Math.random() * mostMs),
    )
  }

  forget(call: Call): void {
    clearTimeout(this.#timers.get(call))
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
