import type { Candidate, Selector } from './selector.ts'

/** Keeps to the server that was chosen first, as long as it is in service. */
export function sticky(selector: Selector): Selector {
  let known: readonly Candidate[] = []
  let chosen: Candidate | undefined
  return {
    ...selector,
    pick(candidates, call) {
      if (candidates !== known) {
        known = candidates
        if (chosen !== undefined && !candidates.includes(chosen)) chosen = undefined
      }
      chosen ??= selector.pick(candidates, call)
      return chosen
    },
  }
}
