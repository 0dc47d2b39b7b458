import type { Clock, Timer } from '../clock.ts'

/**
 * Decides when to publish a changed list: at once, with all changes of the same tick, or later when the list is large. Publishing a large
 * list costs the same for one change and for a thousand, so a larger list collects more changes.
 */
export class Pacer {
  readonly #clock: Clock
  readonly #tell: () => void
  #isDue = false
  #toldAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(clock: Clock, tell: () => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** Schedules the publication of a changed list with `size` endpoints. */
  changed(size: number): void {
    if (this.#isDue) return
    this.#isDue = true
    const ms = this.#toldAt + pauseMs(size) - this.#clock.now()
    if (ms <= 0) queueMicrotask(() => this.#now())
    else this.#timer = this.#clock.setTimeout(() => this.#now(), ms).unref()
  }

  stop(): void {
    this.#clock.clear(this.#timer)
    this.#isDue = true
  }

  #now(): void {
    this.#isDue = false
    this.#toldAt = this.#clock.now()
    this.#tell()
  }
}

/**
 * Returns the minimum time between two publications, in milliseconds. A list of 10 000 endpoints is published at most ten times a second, a
 * list of 100 000 once.
 */
function pauseMs(size: number): number {
  return size <= SMALL ? 0 : Math.min(size / 100, 1_000)
}

const SMALL = 1_000
