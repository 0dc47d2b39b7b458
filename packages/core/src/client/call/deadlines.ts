import type { Clock, Timer } from '../../clock.ts'
import { MAX_TIMER_MS } from '../../clock.ts'
import { inRoot } from '../../root.ts'
import type { Call, Tick } from './call.ts'

/**
 * The deadlines of all calls of a client, with one timer. It keeps no list of calls, because most calls end long before their deadline.
 * Checking all pending calls when the timer fires, which is rare, costs less than keeping them in order.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #waiting: () => Iterable<Call>
  readonly #expired: (call: Call) => void
  /** Returns when the connection on which a call waits last received bytes, by the clock. */
  readonly #heardAt: (call: Call) => number
  /** The current tick, if a call has started in it. */
  #tick: Tick | undefined
  /** The shortest timeout of the calls that started in the current tick. */
  #shortestMs = Number.POSITIVE_INFINITY
  readonly #endTick = (): void => this.#stamp()
  #inFlight = 0
  #timer: Timer | undefined
  #due = Number.POSITIVE_INFINITY

  /** @param waiting returns every call that has not ended */
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

  /** Counts a call that starts with this timeout, and returns its tick. */
  start(timeoutMs: number): Tick {
    // A pending call keeps the process alive; an idle client does not.
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

  /** Stops the timer. Call it only when all calls have ended. */
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

  /** Defers the check by one turn: after a long tick, Node runs timers before it reads replies that have already arrived. */
  #fire(): void {
    const firedAt = this.#clock.now()
    this.#due = Number.POSITIVE_INFINITY
    setImmediate(() => this.#expire(firedAt, MOST_TURNS))
  }

  /**
   * Fails the calls that are past their deadline.
   * @param since a connection that received bytes after this time may have more replies to read, so its calls get another turn
   * @param turns the maximum number of further turns
   */
  #expire(since: number, turns: number): void {
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    let mayBeThere = false
    for (const call of [...this.#waiting()]) {
      if (call.deadline > now) next = Math.min(next, call.deadline)
      // A turn of the event loop reads only a few MiB, so the reply may still be unread.
      else if (turns > 0 && this.#heardAt(call) >= since) mayBeThere = true
      else this.#expired(call)
    }
    if (mayBeThere) setImmediate(() => this.#expire(now, turns - 1))
    if (next < this.#due) this.#arm(next)
  }
}

const MOST_TURNS = 16
