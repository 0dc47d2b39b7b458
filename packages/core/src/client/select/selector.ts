import type { Metadata } from '../../call-metadata.ts'
import type { Endpoint } from '../../discovery/discovery.ts'

/** A server that a selector may choose. */
export interface Candidate {
  readonly endpoint: Endpoint
  /** The number of calls of this client that wait for this server. */
  readonly inFlight: number
  /** The moving average of the duration of its recent calls, in milliseconds; `undefined` until it is known. */
  readonly latencyMs: number | undefined
  /** The duration of its last heartbeat, in milliseconds; `undefined` until it is known, or unless the selector sets `pings`. */
  readonly pingMs: number | undefined
}

/** A call for which a selector chooses a server. */
export interface Chooser {
  readonly method: string
  readonly args: unknown
  readonly metadata: Metadata
}

/** Chooses a server for each call. It is synchronous because it runs on every call. */
export interface Selector {
  /** Whether the client connects to all servers and sends them a heartbeat every 10 s, to measure `pingMs`. @default false */
  readonly pings?: boolean
  /** Called with all servers of the list, including ejected ones, whenever the list changes. */
  update?(servers: readonly Candidate[]): void
  /**
   * Returns one of `candidates`, or `undefined` when none of them is suitable. There is at least one candidate. The client passes the same
   * array until the candidates change.
   */
  pick(candidates: readonly Candidate[], call: Chooser): Candidate | undefined
}
