import type { Clock } from '../../clock.ts'
import { WeightedChance } from './weighted-chance.ts'

/**
 * Takes turns by weight, in the same order as Go's smooth weighted round robin (client/smooth_weighted_round_robin.go), which spreads the
 * turns of each index evenly. An index with a weight of 0 or less gets no turn.
 */
export class WeightedTurns {
  /** The indexes of one full round, in order; `undefined` when a round would be too long. */
  readonly #round: Uint32Array | undefined
  /** Replaces `#round` when there are too many indexes or too large weights; random choice is then just as even. */
  readonly #chance: WeightedChance | undefined
  #next = 0

  constructor(clock: Clock, weights: readonly number[]) {
    const positive = weights.map(weight => Math.max(weight, 0))
    const total = positive.reduce((sum, weight) => sum + weight, 0)
    const turns = total / positive.reduce(gcd, 0)
    if (total === 0) this.#round = new Uint32Array(0)
    else if (turns * positive.length <= MOST_STEPS) this.#round = smoothRound(positive, turns)
    else this.#chance = new WeightedChance(clock, positive)
  }

  /** Returns the next index; `undefined` when no weight is positive. */
  next(): number | undefined {
    const round = this.#round
    if (round === undefined) return this.#chance?.next()
    if (this.#next >= round.length) this.#next = 0
    return round[this.#next++]
  }
}

function smoothRound(weights: readonly number[], turns: number): Uint32Array {
  const round = new Uint32Array(turns)
  const current = new Float64Array(weights.length)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  for (let turn = 0; turn < turns; turn++) {
    let best = -1
    for (const [i, weight] of weights.entries()) {
      if (weight === 0) continue
      current[i] = (current[i] as number) + weight
      if (best < 0 || (current[i] as number) > (current[best] as number)) best = i
    }
    current[best] = (current[best] as number) - total
    round[turn] = best
  }
  return round
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b)
}

// Limits the time to compute a round to a few milliseconds each time that the list changes.
const MOST_STEPS = 200_000
