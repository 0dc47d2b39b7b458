import type { FailPolicy } from './fail-policy.ts'

/** Repeats a call on another server. */
export function failover(): FailPolicy {
  return { repeats: true }
}
