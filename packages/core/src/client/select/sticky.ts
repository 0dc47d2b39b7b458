import type { Candidate, Selector } from './selector.ts'

/** Returns a selector that keeps the server it chose first, until that server is no longer a candidate. */
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
