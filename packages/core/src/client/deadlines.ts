import type { Call } from './call.ts'

/**
 * The deadlines of all calls of a client under one timer. It holds no call: most end long before, so that looking at all
 * who wait, in the rare case that it fires, is cheaper than keeping them in order.
 */
export class Deadlines {
  readonly #waiting: () => Iterable<Call>
  readonly #expired: (call: Call) => void
  /** Calls that started in this tick: one reading of the clock at its end serves them all. One for each took 6 % of a call. */
  readonly #starting: Call[] = []
  readonly #endTick = (): void => this.#stamp()
  #inFlight = 0
  #timer: NodeJS.Timeout | undefined
  #due = Number.POSITIVE_INFINITY

  /** @param waiting every call that has not ended */
  constructor(waiting: () => Iterable<Call>, expired: (call: Call) => void) {
    this.#waiting = waiting
    this.#expired = expired
  }

  started(call: Call): void {
    // A call under way keeps the process alive until it ends; an idle client does not.
    if (this.#inFlight++ === 0) this.#timer?.ref()
    if (call.timeoutMs === Number.POSITIVE_INFINITY) return
    if (this.#starting.push(call) === 1) process.nextTick(this.#endTick)
  }

  ended(): void {
    if (--this.#inFlight === 0) this.#timer?.unref()
  }

  /** Stops the timer. Only when no call is left. */
  close(): void {
    clearTimeout(this.#timer)
  }

  #stamp(): void {
    const now = performance.now()
    let first = Number.POSITIVE_INFINITY
    for (const call of this.#starting) {
      call.deadline = now + call.timeoutMs
      first = Math.min(first, call.deadline)
    }
    this.#starting.length = 0
    if (this.#inFlight > 0 && first < this.#due) this.#arm(first)
  }

  #arm(due: number): void {
    clearTimeout(this.#timer)
    this.#due = due
    if (due === Number.POSITIVE_INFINITY) return
    const ms = Math.min(Math.max(due - performance.now(), 0) + 1, MAX_TIMER_MS)
    this.#timer = setTimeout(() => this.#fire(), ms)
    if (this.#inFlight === 0) this.#timer.unref()
  }

  #fire(): void {
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (const call of [...this.#waiting()]) {
      if (call.deadline <= now) this.#expired(call)
      else next = Math.min(next, call.deadline)
    }
    this.#arm(next)
  }
}

const MAX_TIMER_MS = 2 ** 31 - 1
