import type { Clock } from '../../clock.ts'
import type { Candidate, Selector } from './selector.ts'
import { weightOf } from './weight.ts'
import { WeightedTurns } from './weighted-turns.ts'

/**
 * Takes turns by weight: `weight=10` in the metadata of a server. The default weight is 1. A server with a weight of 0 or less is never
 * chosen.
 */
export function weightedRoundRobin(clock: Clock): Selector {
  return inTurns(clock, candidate => weightOf(candidate.endpoint))
}

/** Takes turns by weight. Calls `weigh` for each candidate whenever the candidates change. */
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
