import type { Candidate, Selector } from './selector.ts'

/** A selector of the user's own, which may choose anything. */
export function own(selector: Selector): Selector {
  let known: readonly Candidate[] = []
  let allowed: ReadonlySet<unknown> = new Set()
  return {
    pings: selector.pings ?? false,
    ...(selector.update === undefined ? {} : { update: servers => selector.update?.(servers) }),
    pick(candidates, call) {
      if (candidates !== known) {
        known = candidates
        allowed = new Set(candidates)
      }
      const chosen = selector.pick(candidates, call)
      if (chosen === undefined || allowed.has(chosen)) return chosen
      throw new TypeError('it chose what is none of the candidates')
    },
  }
}
