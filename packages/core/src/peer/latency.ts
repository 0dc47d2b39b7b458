import type { Clock } from '../clock.ts'

/** The recent latency of a connection. Measures one call at a time, so that the clock is rarely read under load. */
export class Latency {
  readonly #clock: Clock
  #seq = -1
  #sentAt = 0
  #ms: number | undefined
  #measuredAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The moving average in milliseconds; `undefined` when the last measurement is too old. */
  get ms(): number | undefined {
    // Without this limit, one slow call would divert all others for ever.
    return this.#clock.now() - this.#measuredAt > FRESH_MS ? undefined : this.#ms
  }

  sent(seq: number): void {
    if (this.#seq >= 0) return
    this.#seq = seq
    this.#sentAt = this.#clock.now()
  }

  /** Ends the measurement of a call that got its reply, or was given up, at `now`. */
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
