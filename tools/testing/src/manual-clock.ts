import type { Timer } from '@rpcx/core'
import { Clock } from '@rpcx/core'
import { Random } from './random.ts'

/** A clock that stands still until a test advances it. Its random numbers are the same for the same seed. */
export class ManualClock extends Clock {
  readonly #random: Random
  readonly #epoch: number
  /** Far from any real time, so that code with another clock fails its test. */
  #now = 1e9
  #numbers = 0
  readonly #timers = new Set<ManualTimer>()

  /** @param epoch the initial value of `wallTime()` */
  constructor(seed = 1, epoch: number = Date.UTC(2001, 1, 3)) {
    super()
    this.#random = new Random(seed)
    this.#epoch = epoch - this.#now
  }

  /** The number of waiting timers. */
  get waiting(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#epoch + this.#now
  }

  random(): number {
    return this.#random.next()
  }

  setTimeout(run: () => void, ms: number): Timer {
    return this.#add(run, ms, false)
  }

  setInterval(run: () => void, ms: number): Timer {
    return this.#add(run, ms, true)
  }

  clear(timer: Timer | undefined): void {
    this.#timers.delete(timer as ManualTimer)
  }

  /**
   * Turns time on: calls all timers that become due, in their order, each at its own moment, and lets what follows from one happen before
   * the next. What follows is over when the event loop has turned a few times, as it has for memory and promises, not for sockets.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settled()
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#now = Math.max(this.#now, timer.at)
      if (timer.isRepeated) timer.at += timer.ms
      else this.#timers.delete(timer)
      timer.run()
      await settled()
    }
    this.#now = end
  }

  /** Returns the timer that is due first, until `end`. Of two at the same time, the one that was set first. */
  #next(end: number): ManualTimer | undefined {
    let first: ManualTimer | undefined
    for (const timer of this.#timers) {
      if (timer.at > end) continue
      if (
        first === undefined ||
        timer.at < first.at ||
        (timer.at === first.at && timer.number < first.number)
      )
        first = timer
    }
    return first
  }

  #add(run: () => void, ms: number, isRepeated: boolean): ManualTimer {
    // Like Node's timers, which wait at least a millisecond, and fire at once for an invalid number.
    const least = ms >= 1 && ms < 2 ** 31 ? ms : 1
    const timer = new ManualTimer(run, least, this.#now + least, isRepeated, this.#numbers++)
    this.#timers.add(timer)
    return timer
  }
}

class ManualTimer implements Timer {
  readonly run: () => void
  readonly ms: number
  readonly isRepeated: boolean
  readonly number: number
  at: number

  constructor(run: () => void, ms: number, at: number, isRepeated: boolean, number: number) {
    this.run = run
    this.ms = ms
    this.at = at
    this.isRepeated = isRepeated
    this.number = number
  }

  // A timer of this clock keeps no process alive.
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < TURNS; turns++) await new Promise(resolve => setImmediate(resolve))
}

// A call over memory takes fewer than ten turns.
const TURNS = 20
