import type { FailPolicy } from './fail-policy.ts'

/** Repeats a call on the same server, while that is in the list. */
export function failtry(): FailPolicy {
  return {
    repeats: true,
    next: ({ server }, servers) => (server !== undefined && servers.includes(server) ? server : undefined),
  }
}
