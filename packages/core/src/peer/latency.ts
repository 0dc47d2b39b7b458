import type { Clock } from '../clock.ts'

/** How long the calls of a connection take of late. One call at a time is timed, so that the clock is read seldom when there are many. */
export class Latency {
  readonly #clock: Clock
  #seq = -1
  #sentAt = 0
  #ms: number | undefined
  #measuredAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A moving average, in milliseconds; `undefined` when the last measurement is long ago. */
  get ms(): number | undefined {
    // Else one slow call would keep all others away for ever.
    return this.#clock.now() - this.#measuredAt > FRESH_MS ? undefined : this.#ms
  }

  sent(seq: number): void {
    if (this.#seq >= 0) return
    this.#seq = seq
    this.#sentAt = this.#clock.now()
  }

  /** The call has its reply, or was given up, at `now`. */
  ended(seq: number, now: number): void {
    if (seq !== this.#seq) return
    this.#seq = -1
    const ms = now - this.#sentAt
    const before = this.ms
    this.#ms = before === undefined ? ms : before + (ms - before) * NEWEST_SHARE
    this.#measuredAt = now
  }
}

const NEWEST_SHARE = 0.2
const FRESH_MS = 10_000
