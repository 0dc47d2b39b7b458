import type { Endpoint } from '../../discovery/discovery.ts'
import { fnv1a } from './fnv.ts'
import type { Uint64 } from './uint64.ts'
import { multiply } from './uint64.ts'

/** The part of a very large list of servers that a client connects to. */
export interface Subset {
  /** The maximum number of servers. */
  readonly size: number
  /** The key of this client. Clients with the same key use the same servers. @default the host name and the process id */
  readonly key?: string
}

/**
 * Returns the servers with the highest hashes of address and key (rendezvous hashing). The same key gets the same servers, regardless of
 * their order. Different keys get different servers, so that each server gets its share of the clients. When a server of the subset goes,
 * exactly one other server replaces it.
 */
export function subsetOf(endpoints: readonly Endpoint[], { size, key }: Required<Subset>): Endpoint[] {
  if (endpoints.length <= size) return [...endpoints]
  const scored = endpoints.map(endpoint => ({ endpoint, score: mixed(fnv1a(`${endpoint.address} ${key}`)) }))
  scored.sort((a, b) => b.score.high - a.score.high || b.score.low - a.score.low)
  const taken = new Set(scored.slice(0, size).map(({ endpoint }) => endpoint))
  return endpoints.filter(endpoint => taken.has(endpoint))
}

/** Mixes the bits of a hash: without that, FNV-1a orders strings that differ only at the end by their last bytes. */
function mixed(hash: Uint64): Uint64 {
  const once = multiply({ high: hash.high, low: (hash.low ^ hash.high) >>> 0 }, MIX)
  return multiply({ high: once.high, low: (once.low ^ once.high) >>> 0 }, MIX)
}

const MIX: Uint64 = { high: 0xff51afd7, low: 0xed558ccd }
