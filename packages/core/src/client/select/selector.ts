import type { Metadata } from '../../call-metadata.ts'
import type { Endpoint } from '../../discovery/discovery.ts'

/** A server that may be chosen. */
export interface Candidate {
  readonly endpoint: Endpoint
  /** How many calls of this client wait for it. */
  readonly inFlight: number
  /** How long its calls take of late, in milliseconds: a moving average. `undefined` as long as that is not known. */
  readonly latencyMs: number | undefined
  /** How long its last answer to a heartbeat took, in milliseconds; `undefined` unless the selector asked for that. */
  readonly pingMs: number | undefined
}

/** A call for which a server is chosen. */
export interface Chooser {
  readonly method: string
  readonly args: unknown
  readonly metadata: Metadata
}

/** Chooses a server for each call. Synchronous: it stands in the path of every call. */
export interface Selector {
  /** Whether servers are to be connected to and sent a heartbeat every 10 s, for `pingMs`. @default false */
  readonly pings?: boolean
  /** Told of all servers of the list whenever that changes, those that are out of service too. */
  update?(servers: readonly Candidate[]): void
  /**
   * One of `candidates`, of which there is at least one, or `undefined` when none of them will do. As long as nothing changes it
   * is given the same array.
   */
  pick(candidates: readonly Candidate[], call: Chooser): Candidate | undefined
}
