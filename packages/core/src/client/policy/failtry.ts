import type { FailPolicy } from './fail-policy.ts'

/** Repeats a call on the same server as long as the list contains it. */
export function failtry(): FailPolicy {
  return {
    repeats: true,
    next: ({ server }, servers) => (server !== undefined && servers.includes(server) ? server : undefined),
  }
}
