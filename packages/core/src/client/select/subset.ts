import type { Endpoint } from '../../discovery/discovery.ts'
import { fnv1a } from './fnv.ts'
import type { Uint64 } from './uint64.ts'
import { multiply } from './uint64.ts'

/** Which servers of a very large fleet a client connects to. */
export interface Subset {
  /** How many at most. */
  readonly size: number
  /** What tells this client from others; the same key has the same servers. @default the host and the process */
  readonly key?: string
}

/**
 * Part of the servers, the same for the same key whatever the order, and different for other keys, so that all servers get their
 * share of clients. When one goes, one other comes: those with the highest hashes are taken (rendezvous hashing).
 */
export function subsetOf(endpoints: readonly Endpoint[], { size, key }: Required<Subset>): Endpoint[] {
  if (endpoints.length <= size) return [...endpoints]
  const scored = endpoints.map(endpoint => ({ endpoint, score: mixed(fnv1a(`${endpoint.address} ${key}`)) }))
  scored.sort((a, b) => b.score.high - a.score.high || b.score.low - a.score.low)
  const taken = new Set(scored.slice(0, size).map(({ endpoint }) => endpoint))
  return endpoints.filter(endpoint => taken.has(endpoint))
}

/** FNV-1a alone leaves texts that differ in their last bytes only in the order of these. */
function mixed(hash: Uint64): Uint64 {
  const once = multiply({ high: hash.high, low: (hash.low ^ hash.high) >>> 0 }, MIX)
  return multiply({ high: once.high, low: (once.low ^ once.high) >>> 0 }, MIX)
}

const MIX: Uint64 = { high: 0xff51afd7, low: 0xed558ccd }
