import type { FailPolicy } from './fail-policy.ts'

/** Never repeats a call. */
export function failfast(): FailPolicy {
  return { repeats: false }
}
