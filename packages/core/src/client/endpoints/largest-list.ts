import type { Clock } from '../../clock.ts'

/** How many servers the largest list had that stood at some moment of the last while. */
export class LargestList {
  readonly #clock: Clock
  readonly #ms: number
  /** Lists that stood, each smaller than the one before it; the newest is the last. */
  readonly #sizes: Size[] = []

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.#ms = ms
  }

  /** The largest so far; 0 before the first list. */
  get size(): number {
    this.#forget(this.#clock.now())
    return this.#sizes[0]?.size ?? 0
  }

  /** A list of this size takes the place of the newest one. */
  replace(size: number): void {
    const now = this.#clock.now()
    const newest = this.#sizes.at(-1)
    if (newest !== undefined) newest.until = now + this.#ms
    this.#forget(now)
    while ((this.#sizes.at(-1)?.size ?? Number.POSITIVE_INFINITY) <= size) this.#sizes.pop()
    this.#sizes.push({ size, until: Number.POSITIVE_INFINITY })
  }

  #forget(now: number): void {
    while (this.#sizes.length > 1 && (this.#sizes[0] as Size).until < now) this.#sizes.shift()
  }
}

interface Size {
  readonly size: number
  /** Until when it counts, by the clock. */
  until: number
}
