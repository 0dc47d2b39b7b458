import type { Seq } from '../wire/header.ts'

/**
 * The calls of a connection that wait for their reply, by `seq`. Numbers are consecutive and most replies arrive soon, so a ring buffer
 * finds a call without hashing. A call whose slot is needed again moves to a map.
 */
export class PendingReplies<C extends { readonly seq: number }> implements Iterable<C> {
  #ring: (C | undefined)[] = new Array<C | undefined>(FIRST_SLOTS).fill(undefined)
  /** Made when the first call needs it. */
  #late: Map<Seq, C> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  add(call: C): void {
    const ring = this.#ring
    const slot = call.seq & (ring.length - 1)
    const before = ring[slot]
    if (before !== undefined) {
      if (this.#size > ring.length / 2) {
        this.#grow()
        this.add(call)
        return
      }
      this.#late ??= new Map()
      this.#late.set(before.seq, before)
    }
    ring[slot] = call
    this.#size++
  }

  /** Removes and returns a call. */
  take(seq: Seq): C | undefined {
    const slot = Number(seq) & (this.#ring.length - 1)
    const call = this.#ring[slot]
    if (call !== undefined && call.seq === seq) {
      this.#ring[slot] = undefined
      this.#size--
      return call
    }
    const late = this.#late?.get(seq)
    if (late !== undefined) {
      this.#late?.delete(seq)
      this.#size--
    }
    return late
  }

  *[Symbol.iterator](): Generator<C> {
    if (this.#late !== undefined) yield* this.#late.values()
    for (const call of this.#ring) if (call !== undefined) yield call
  }

  #grow(): void {
    const calls = this.#ring
    this.#ring = new Array<C | undefined>(calls.length * 2).fill(undefined)
    // Numbers that differ modulo the old size also differ modulo the new size, so no slot is used twice.
    for (const call of calls) if (call !== undefined) this.#ring[call.seq & (this.#ring.length - 1)] = call
  }
}

// Small, because many connections are idle.
const FIRST_SLOTS = 16
