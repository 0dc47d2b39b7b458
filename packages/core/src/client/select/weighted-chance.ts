import type { Clock } from '../../clock.ts'

/** Chooses indexes at random, with probabilities in proportion to their weights, in constant time (Vose's alias method, 1991). */
export class WeightedChance {
  readonly #clock: Clock
  /** The indexes with a positive weight. Other indexes are left out, so that rounding errors cannot choose them. */
  readonly #members: Uint32Array
  /** For each slot, the part (0 to 1) that chooses its own member. The rest of the slot chooses the member in `#others`. */
  readonly #shares: Float64Array
  readonly #others: Uint32Array

  constructor(clock: Clock, weights: readonly number[]) {
    this.#clock = clock
    this.#members = Uint32Array.from(weights.keys()).filter(i => (weights[i] as number) > 0)
    const count = this.#members.length
    const total = weights.reduce((sum, weight) => sum + Math.max(weight, 0), 0)
    this.#shares = Float64Array.from(this.#members, i => ((weights[i] as number) * count) / total)
    this.#others = new Uint32Array(count)
    const places = [...this.#shares.keys()]
    const small = places.filter(place => (this.#shares[place] as number) < 1)
    const large = places.filter(place => (this.#shares[place] as number) >= 1)
    while (small.length > 0 && large.length > 0) {
      const place = small.pop() as number
      const giver = large[large.length - 1] as number
      this.#others[place] = giver
      this.#shares[giver] = (this.#shares[giver] as number) - (1 - (this.#shares[place] as number))
      if ((this.#shares[giver] as number) < 1) small.push(large.pop() as number)
    }
    // The remaining shares differ from 1 only by rounding.
    for (const place of [...small, ...large]) this.#shares[place] = 1
  }

  /** Returns an index; `undefined` when no weight is positive. */
  next(): number | undefined {
    const at = this.#clock.random() * this.#members.length
    const place = Math.floor(at)
    const isOwn = at - place < (this.#shares[place] as number)
    return this.#members[isOwn ? place : (this.#others[place] as number)]
  }
}
