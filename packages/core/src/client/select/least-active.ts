import type { Clock } from '../../clock.ts'
import type { Candidate, Selector } from './selector.ts'

/**
 * Of two servers at random, the one with less to do: fewer calls in flight, each weighed by how long calls take there of late.
 * Two are enough to keep away from the busy ones, and not all clients run to the same idle one.
 */
export function leastActive(clock: Clock): Selector {
  return {
    pick(candidates) {
      const count = candidates.length
      const first = Math.floor(clock.random() * count)
      if (count === 1) return candidates[first]
      // Any other one.
      const second = (first + 1 + Math.floor(clock.random() * (count - 1))) % count
      return lighter(candidates[first] as Candidate, candidates[second] as Candidate)
    },
  }
}

function lighter(a: Candidate, b: Candidate): Candidate {
  const [ofA, ofB] = [a.latencyMs, b.latencyMs]
  // One whose speed nobody knows is neither run to nor kept away from.
  if (ofA === undefined || ofB === undefined) return a.inFlight <= b.inFlight ? a : b
  return (a.inFlight + 1) * ofA <= (b.inFlight + 1) * ofB ? a : b
}
