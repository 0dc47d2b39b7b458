import type { Clock, Timer } from '../../clock.ts'
import type { CallHolder } from '../../peer/pending-call.ts'
import type { Call } from '../call/call.ts'

/** Calls that wait before their next attempt. The delay is random; its maximum doubles with each attempt, up to `MOST_MS`. */
export class RetryQueue implements CallHolder, Iterable<Call> {
  readonly #clock: Clock
  readonly #resume: (call: Call) => void
  /** Made at the first retry. */
  #timers: Map<Call, Timer> | undefined

  /** @param resume starts the next attempt */
  constructor(clock: Clock, resume: (call: Call) => void) {
    this.#clock = clock
    this.#resume = resume
  }

  add(call: Call): void {
    const mostMs = Math.min(FIRST_MS * 2 ** (call.attempts - 1), MOST_MS)
    call.holder = this
    this.#timers ??= new Map()
    this.#timers.set(
      call,
      this.#clock.setTimeout(() => this.#over(call), this.#clock.random() * mostMs),
    )
  }

  forget(call: Call): void {
    this.#clock.clear(this.#timers?.get(call))
    this.#timers?.delete(call)
  }

  *[Symbol.iterator](): Iterator<Call> {
    if (this.#timers !== undefined) yield* this.#timers.keys()
  }

  #over(call: Call): void {
    this.#timers?.delete(call)
    call.holder = undefined
    this.#resume(call)
  }
}

const FIRST_MS = 5
const MOST_MS = 1_000
