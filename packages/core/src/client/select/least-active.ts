import type { Clock } from '../../clock.ts'
import type { Candidate, Selector } from './selector.ts'

/**
 * Chooses the less loaded of two random servers. The load is the number of calls in flight, multiplied by the recent latency. Two random
 * servers are enough to avoid busy ones, and they keep clients from all choosing the same idle server.
 */
export function leastActive(clock: Clock): Selector {
  return {
    pick(candidates) {
      const count = candidates.length
      const first = Math.floor(clock.random() * count)
      if (count === 1) return candidates[first]
      // Any server except the first one.
      const second = (first + 1 + Math.floor(clock.random() * (count - 1))) % count
      return lighter(candidates[first] as Candidate, candidates[second] as Candidate)
    },
  }
}

function lighter(a: Candidate, b: Candidate): Candidate {
  const [ofA, ofB] = [a.latencyMs, b.latencyMs]
  // Without the latency of both servers, only their calls in flight are compared: a new server gets neither more nor fewer calls.
  if (ofA === undefined || ofB === undefined) return a.inFlight <= b.inFlight ? a : b
  return (a.inFlight + 1) * ofA <= (b.inFlight + 1) * ofB ? a : b
}
