import type { Clock, Timer } from '../clock.ts'

/**
 * When a list is told of to those who follow it: at once, with all changes of the same tick. What a large list costs is the
 * same for one change and for a thousand, so the larger it is, the more of them are told together.
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

  /** Something has changed in a list of that size. */
  changed(size: number): void {
    if (this.#isDue) return
    this.#isDue = true
    const ms = this.#toldAt + pauseMs(size) - this.#clock.now()
    if (ms <= 0) {
      queueMicrotask(() => this.#now())
      return
    }
    this.#timer = this.#clock.setTimeout(() => this.#now(), ms)
    this.#timer.unref()
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

/** A list of 10 000 is told of ten times a second at most, one of 100 000 once. */
function pauseMs(size: number): number {
  return size <= SMALL ? 0 : Math.min(size / 100, 1_000)
}

const SMALL = 1_000
