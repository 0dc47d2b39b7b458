import type { Clock, Timer } from '../../clock.ts'
import { MAX_TIMER_MS } from '../../clock.ts'
import { inRoot } from '../../root.ts'
import type { Call, Tick } from './call.ts'

/**
 * The deadlines of all calls of a client under one timer. It holds no call: most end long before, so that looking at all
 * who wait, in the rare case that it fires, is cheaper than keeping them in order.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #waiting: () => Iterable<Call>
  readonly #expired: (call: Call) => void
  /** When anything last came from where a call waits, by the clock. */
  readonly #heardAt: (call: Call) => number
  /** The tick that has not ended yet, if a call has started in it, and the shortest time that one of them has. */
  #tick: Tick | undefined
  #shortestMs = Number.POSITIVE_INFINITY
  readonly #endTick = (): void => this.#stamp()
  #inFlight = 0
  #timer: Timer | undefined
  #due = Number.POSITIVE_INFINITY

  /** @param waiting every call that has not ended */
  constructor(
    clock: Clock,
    waiting: () => Iterable<Call>,
    expired: (call: Call) => void,
    heardAt: (call: Call) => number,
  ) {
    this.#clock = clock
    this.#waiting = waiting
    this.#expired = expired
    this.#heardAt = heardAt
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
    this.#clock.clear(this.#timer)
  }

  #stamp(): void {
    const now = this.#clock.now()
    ;(this.#tick as Tick).at = now
    this.#tick = undefined
    const first = now + this.#shortestMs
    this.#shortestMs = Number.POSITIVE_INFINITY
    if (this.#inFlight > 0 && first < this.#due) this.#arm(first)
  }

  #arm(due: number): void {
    this.#clock.clear(this.#timer)
    this.#due = due
    if (due === Number.POSITIVE_INFINITY) return
    const ms = Math.min(Math.max(due - this.#clock.now(), 0) + 1, MAX_TIMER_MS)
    this.#timer = inRoot(() => this.#clock.setTimeout(() => this.#fire(), ms))
    if (this.#inFlight === 0) this.#timer.unref()
  }

  /** After a long tick timers come before what can be read: replies that are there are not late. */
  #fire(): void {
    const firedAt = this.#clock.now()
    this.#due = Number.POSITIVE_INFINITY
    setImmediate(() => this.#expire(firedAt, MOST_TURNS))
  }

  /** @param since when there last was something to read. @param turns how often to look for more */
  #expire(since: number, turns: number): void {
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    let mayBeThere = false
    for (const call of [...this.#waiting()]) {
      if (call.deadline > now) next = Math.min(next, call.deadline)
      // One turn reads no more than a few MiB.
      else if (turns > 0 && this.#heardAt(call) >= since) mayBeThere = true
      else this.#expired(call)
    }
    if (mayBeThere) setImmediate(() => this.#expire(now, turns - 1))
    if (next < this.#due) this.#arm(next)
  }
}

const MOST_TURNS = 16
