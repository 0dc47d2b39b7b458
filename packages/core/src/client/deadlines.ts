import type { Call } from './call.ts'

/**
 * The deadlines of all calls of a client under one timer. It holds no call: most end long before, so that looking at all
 * who wait, in the rare case that it fires, is cheaper than keeping them in order.
 */
export class Deadlines {
  readonly #waiting: () => Iterable<Call>
  readonly #expired: (call: Call) => void
  /** The tick that has not ended yet, if a call has started in it, and the shortest time that one of them has. */
  #tick: Tick | undefined
  #shortestMs = Number.POSITIVE_INFINITY
  readonly #endTick = (): void => this.#stamp()
  #inFlight = 0
  #timer: NodeJS.Timeout | undefined
  #due = Number.POSITIVE_INFINITY

  /** @param waiting every call that has not ended */
  constructor(waiting: () => Iterable<Call>, expired: (call: Call) => void) {
    this.#waiting = waiting
    this.#expired = expired
  }

  /** A call starts that may take so long. */
  start(timeoutMs: number): Tick {
    // A call under way keeps the process alive until it ends; an idle client does not.
    if (this.#inFlight++ === 0) this.#timer?.ref()
    if (timeoutMs < this.#shortestMs) this.#shortestMs = timeoutMs
    if (this.#tick === undefined) {
      this.#tick = { at: Number.POSITIVE_INFINITY, deadlines: this }
      process.nextTick(this.#endTick)
    }
    return this.#tick
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
    ;(this.#tick as Tick).at = now
    this.#tick = undefined
    const first = now + this.#shortestMs
    this.#shortestMs = Number.POSITIVE_INFINITY
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

/** In which calls started: one reading of the clock at its end serves them all. One for each took 6 % of a call. */
export interface Tick {
  /** When it ended, by `performance.now()`; `Infinity` before that. */
  at: number
  readonly deadlines: Deadlines
}

const MAX_TIMER_MS = 2 ** 31 - 1
