import type { Candidate, Chooser } from '@rpcx/core'
import { parseEndpoint } from '../../../src/discovery/discovery.ts'

/** Returns candidates from metadata by address. */
export function candidates(servers: Readonly<Record<string, string>>): Candidate[] {
  return Object.entries(servers).map(([address, metadata]) => candidate(address, metadata))
}

export function candidate(address: string, metadata = '', fields: Partial<Candidate> = {}): Candidate {
  const endpoint = parseEndpoint(address, metadata)
  return { endpoint, inFlight: 0, latencyMs: undefined, pingMs: undefined, ...fields }
}

/** This many candidates, which differ only in their addresses and metadata. */
export function alikeCandidates(count: number, metadata: (i: number) => string = () => ''): Candidate[] {
  return Array.from({ length: count }, (_, i) => candidate(`tcp@10.0.${i >> 8}.${i & 255}:8972`, metadata(i)))
}

export function callOf(args: unknown, method = 'Mul'): Chooser {
  return { method, args, metadata: {} }
}
