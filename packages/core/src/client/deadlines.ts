import type { Call } from './call.ts'

/**
 * The deadlines of all calls of a client under one timer. Calls mostly share one time-out, so the list is mostly in
 * order of deadlines; when the timer fires it is walked as a whole.
 */
export class Deadlines {
  readonly #expired: (call: Call) => void
  #first: Call | undefined
  #last: Call | undefined
  #timer: NodeJS.Timeout | undefined
  #due = Number.POSITIVE_INFINITY

  constructor(expired: (call: Call) => void) {
    this.#expired = expired
  }

  add(call: Call): void {
    call.earlier = this.#last
    if (this.#last === undefined) {
      this.#first = call
      // A call under way keeps the process alive until it ends; an idle client does not.
      this.#timer?.ref()
    } else this.#last.later = call
    this.#last = call
    if (call.deadline < this.#due) this.#arm(call.deadline)
  }

  remove(call: Call): void {
    if (call.earlier === undefined) this.#first = call.later
    else call.earlier.later = call.later
    if (call.later === undefined) this.#last = call.earlier
    else call.later.earlier = call.earlier
    call.earlier = undefined
    call.later = undefined
    if (this.#first === undefined) this.#timer?.unref()
  }

  /** Every call that has not ended. */
  *[Symbol.iterator](): Generator<Call> {
    for (let call = this.#first; call !== undefined; ) {
      // The caller may end the call, which unlinks it.
      const { later } = call
      yield call
      call = later
    }
  }

  /** Stops the timer. Only when no call is left. */
  close(): void {
    clearTimeout(this.#timer)
  }

  #arm(due: number): void {
    clearTimeout(this.#timer)
    this.#due = due
    if (due === Number.POSITIVE_INFINITY) return
    const ms = Math.min(Math.max(due - performance.now(), 0) + 1, MAX_TIMER_MS)
    this.#timer = setTimeout(() => this.#fire(), ms)
    if (this.#first === undefined) this.#timer.unref()
  }

  #fire(): void {
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (const call of this) {
      if (call.deadline <= now) this.#expired(call)
      else next = Math.min(next, call.deadline)
    }
    this.#arm(next)
  }
}

const MAX_TIMER_MS = 2 ** 31 - 1
