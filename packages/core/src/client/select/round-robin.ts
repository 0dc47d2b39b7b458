import type { Selector } from './selector.ts'

/** One server after the other. */
export function roundRobin(): Selector {
  let next = 0
  return {
    pick(candidates) {
      if (next >= candidates.length) next = 0
      return candidates[next++]
    },
  }
}
