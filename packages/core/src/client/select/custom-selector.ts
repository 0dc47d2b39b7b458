import { isThenable, unawaited, watchRejection } from '../../callbacks.ts'
import type { Candidate, Selector } from './selector.ts'

/**
 * Wraps a selector of the user, and checks that it chooses one of the candidates.
 * @param failed called when `update` fails; an error of `pick` fails the call
 */
export function customSelector(selector: Selector, failed: (thrown: unknown) => void): Selector {
  let known: readonly Candidate[] = []
  let allowed: ReadonlySet<unknown> = new Set()
  return {
    pings: selector.pings ?? false,
    update(servers) {
      try {
        watchRejection(selector.update?.(servers), failed)
      } catch (thrown) {
        failed(thrown)
      }
    },
    pick(candidates, call) {
      if (candidates !== known) {
        known = candidates
        allowed = new Set(candidates)
      }
      const chosen = selector.pick(candidates, call)
      if (chosen === undefined || allowed.has(chosen)) return chosen
      if (isThenable(chosen)) throw unawaited('pick', chosen)
      throw new TypeError('it chose something that is not among the candidates')
    },
  }
}
