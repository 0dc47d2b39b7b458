import type { Clock } from '../../clock.ts'
import type { Candidate, Selector } from './selector.ts'
import { weightOf } from './weight.ts'
import { WeightedTurns } from './weighted-turns.ts'

/** In turns, each server as often as its weight says: `weight=10` in its metadata. Without a weight it is 1; with 0 or less it is never chosen. */
export function weightedRoundRobin(clock: Clock): Selector {
  return inTurns(clock, candidate => weightOf(candidate.endpoint))
}

/** In turns by weight; asks for weights whenever the servers to choose from have changed. */
export function inTurns(clock: Clock, weigh: (candidate: Candidate) => number): Selector {
  let known: readonly Candidate[] = []
  let turns = new WeightedTurns(clock, [])
  return {
    pick(candidates) {
      if (candidates !== known) {
        turns = new WeightedTurns(clock, candidates.map(weigh))
        known = candidates
      }
      const next = turns.next()
      return next === undefined ? undefined : candidates[next]
    },
  }
}
