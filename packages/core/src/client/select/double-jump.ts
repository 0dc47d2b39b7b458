import type { Uint64 } from './uint64.ts'
import { increment, multiply } from './uint64.ts'

/**
 * A consistent hash over a changing set of items, as in Go's clients (github.com/edwingeng/doublejump). When an item is removed, only its
 * keys move. The removed item leaves a hole, which the next added item fills. A key that hits a hole is looked up again among the
 * remaining items.
 */
export class DoubleJump<T> {
  readonly #loose: (T | undefined)[] = []
  readonly #holes: number[] = []
  readonly #compact: T[] = []
  /** The indexes of each item in `#loose` and `#compact`. */
  readonly #places = new Map<T, { readonly loose: number; compact: number }>()

  add(item: T): void {
    const loose = this.#holes.pop() ?? this.#loose.length
    this.#places.set(item, { loose, compact: this.#compact.length })
    this.#loose[loose] = item
    this.#compact.push(item)
  }

  remove(item: T): void {
    const place = this.#places.get(item)
    if (place === undefined) return
    this.#places.delete(item)
    this.#loose[place.loose] = undefined
    this.#holes.push(place.loose)
    const last = this.#compact.pop() as T
    if (last === item) return
    this.#compact[place.compact] = last
    const moved = this.#places.get(last)
    if (moved !== undefined) moved.compact = place.compact
  }

  get(key: Uint64): T | undefined {
    return (
      this.#loose[jump(key, this.#loose.length)] ??
      this.#compact[jump(multiply(key, MIX), this.#compact.length)]
    )
  }
}

/** Returns a bucket from 0 to `buckets` − 1 by jump consistent hash (Lamping and Veach, 2014). */
export function jump(key: Uint64, buckets: number): number {
  let state = key
  let bucket = 0
  for (let next = 0; next < buckets; ) {
    bucket = next
    state = increment(multiply(state, STEP))
    next = Math.floor((bucket + 1) * (2 ** 31 / ((state.high >>> 1) + 1)))
  }
  return bucket
}

const STEP: Uint64 = { high: 0x27bb2ee6, low: 0x87b0b0fd }
const MIX: Uint64 = { high: 0xc6a4a793, low: 0x5bd1e995 }
