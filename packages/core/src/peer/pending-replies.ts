import type { Seq } from '../wire/header.ts'

/**
 * The calls of a connection that wait for their reply, by `seq`. Numbers are given out in order and most replies come soon,
 * so a ring finds a call without hashing; a call that is still there when the ring comes round waits in a map.
 */
export class PendingReplies<C extends { readonly seq: number }> implements Iterable<C> {
  #ring: (C | undefined)[] = new Array<C | undefined>(FIRST_SLOTS).fill(undefined)
  readonly #late = new Map<Seq, C>()
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
      this.#late.set(before.seq, before)
    }
    ring[slot] = call
    this.#size++
  }

  /** Gives the call out, which is then no longer there. */
  take(seq: Seq): C | undefined {
    const slot = Number(seq) & (this.#ring.length - 1)
    const call = this.#ring[slot]
    if (call !== undefined && call.seq === seq) {
      this.#ring[slot] = undefined
      this.#size--
      return call
    }
    const late = this.#late.get(seq)
    if (late !== undefined) {
      this.#late.delete(seq)
      this.#size--
    }
    return late
  }

  *[Symbol.iterator](): Generator<C> {
    yield* this.#late.values()
    for (const call of this.#ring) if (call !== undefined) yield call
  }

  #grow(): void {
    const calls = this.#ring
    this.#ring = new Array<C | undefined>(calls.length * 2).fill(undefined)
    // Numbers that differ in the smaller ring differ in the larger one, too.
    for (const call of calls) if (call !== undefined) this.#ring[call.seq & (this.#ring.length - 1)] = call
  }
}

// An idle connection is to stay small.
const FIRST_SLOTS = 16
