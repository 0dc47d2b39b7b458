import type { Selector } from './selector.ts'

/** Chooses one server after the other, in the order of the candidates. */
export function roundRobin(): Selector {
  let next = 0
  return {
    pick(candidates) {
      if (next >= candidates.length) next = 0
      return candidates[next++]
    },
  }
}
