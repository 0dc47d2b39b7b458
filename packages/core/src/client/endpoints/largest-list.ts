import type { Clock } from '../../clock.ts'

/** The size of the largest list that was current at some time within the last `ms` milliseconds. */
export class LargestList {
  readonly #clock: Clock
  readonly #ms: number
  /** The sizes that still count, oldest first. Each is smaller than the one before it, because a size replaces smaller older ones. */
  #sizes: Size[] = []

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.#ms = ms
  }

  /** The size of the largest list; 0 before the first list. */
  get size(): number {
    this.#forget(this.#clock.now())
    return this.#sizes[0]?.size ?? 0
  }

  /** Records that a list of this size replaces the current one. */
  replace(size: number): void {
    const now = this.#clock.now()
    const newest = this.#sizes.at(-1)
    if (newest !== undefined) newest.until = now + this.#ms
    this.#forget(now)
    while ((this.#sizes.at(-1)?.size ?? Number.POSITIVE_INFINITY) <= size) this.#sizes.pop()
    // `push` would reserve room for many sizes, which most clients never need.
    this.#sizes = [...this.#sizes, { size, until: Number.POSITIVE_INFINITY }]
  }

  #forget(now: number): void {
    while (this.#sizes.length > 1 && (this.#sizes[0] as Size).until < now) this.#sizes.shift()
  }
}

interface Size {
  readonly size: number
  /** The time by the clock until which this size counts. */
  until: number
}
