import { wrongResult } from '../../callbacks.ts'
import type { FailPolicy } from './fail-policy.ts'

/**
 * Wraps a policy of the user, which may throw or return invalid values. When `mayRepeat` does, the call is not repeated; for `next`, the
 * selector chooses a server; for `hedging`, no copy of the call is sent.
 * @param failed called with each such failure
 */
export function customPolicy(
  policy: FailPolicy,
  failed: (callback: string, thrown: unknown) => void,
): FailPolicy {
  const { hedging } = policy
  const ask = <T>(
    callback: string,
    run: () => T,
    isRight: (answer: T) => boolean,
    right: string,
  ): T | undefined => {
    try {
      const answer = run()
      if (isRight(answer)) return answer
      throw wrongResult(callback, answer, right)
    } catch (thrown) {
      failed(callback, thrown)
      return undefined
    }
  }
  return {
    repeats: policy.repeats,
    mayRepeat: (call, error) =>
      ask(
        'failMode.mayRepeat',
        () => policy.mayRepeat?.(call, error) ?? policy.repeats,
        answer => typeof answer === 'boolean',
        'a boolean',
      ) ?? false,
    ...(policy.next !== undefined && {
      next: (call, servers) =>
        ask(
          'failMode.next',
          () => policy.next?.(call, servers),
          answer => answer === undefined || servers.includes(answer),
          'one of the servers',
        ),
    }),
    ...(hedging !== undefined && {
      hedging: {
        delayMs: method =>
          ask(
            'failMode.hedging.delayMs',
            () => hedging.delayMs(method),
            ms => typeof ms === 'number' && ms >= 0,
            'milliseconds',
          ) ?? Number.POSITIVE_INFINITY,
        succeeded: (method, ms) =>
          void ask(
            'failMode.hedging.succeeded',
            () => hedging.succeeded?.(method, ms),
            () => true,
            '',
          ),
      },
    }),
  }
}
