import { parseAddress } from '../address.ts'
import type { Values } from '../metadata.ts'
import { parseMetadata } from '../metadata.ts'

/** One server of a service, as a registry shows it. */
export interface Endpoint {
  /** `tcp@10.0.0.7:8972` */
  readonly address: string
  /** What stands before the `@`; `tcp` without one. */
  readonly network: string
  /** The metadata as stored: a query string. */
  readonly metadata: string
  /** The metadata as Go parses them; empty when any pair is broken, as Go's clients then ignore them all. */
  readonly values: Values
}

/** All servers of a service at one moment, in address order. Never partial, never mutated. */
export type Endpoints = readonly Endpoint[]

/** How long to wait for a registry. */
export interface WaitOptions {
  /** Ends the wait; `list` then rejects with its reason, `watch` ends. @default none */
  readonly signal?: AbortSignal
  /** How long to wait for the first answer of the registry. @default without end */
  readonly timeoutMs?: number
}

/** How much a list can be trusted: the first question in an outage. */
export interface DiscoveryStatus {
  /**
   * `idle`: nobody asked for this service yet, or not for a minute · `waiting`: no answer yet · `fresh`: as the registry has it · `stale`: the
   * registry is out of reach, the last list stands · `closed`
   */
  readonly state: 'idle' | 'waiting' | 'fresh' | 'stale' | 'closed'
  /** Since when, in milliseconds since the epoch. */
  readonly since: number
  /** Where the list comes from. */
  readonly source: 'registry' | 'cache' | 'static'
  /** What went wrong last, also when it has healed. */
  readonly lastError: Error | undefined
}

/** Where clients learn which servers offer a service. Always shows what the registry last said. */
export interface Discovery extends AsyncDisposable {
  /** The servers known now; empty when there are none. @throws `ERR_RPCX_REGISTRY` after `timeoutMs`, `ERR_RPCX_CLOSED` */
  list(service: string, options?: WaitOptions): Promise<Endpoints>
  /**
   * The servers known now, then again after each change. A slow reader skips to the newest state. A lost registry is
   * retried inside and the last known servers stand, so the loop ends only on `break`, `close()` or the signal.
   * @throws `ERR_RPCX_REGISTRY` when no list came within `timeoutMs`
   */
  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints>
  /** How much the list can be trusted now. Asks nobody. */
  status(service: string): DiscoveryStatus
  /** A client found the server in trouble: a hint to look whether it still exists. */
  verify?(service: string, address: string): void
  /** Ends every `list` and `watch`, and gives back what it holds at the registry. Safe to call twice. */
  close(): Promise<void>
}

/** Reads what a registry stores. @throws `ERR_RPCX_ADDRESS` */
export function parseEndpoint(address: string, metadata: string): Endpoint {
  const { network } = parseAddress(address)
  const { values, valid } = parseMetadata(metadata)
  return { address, network, metadata, values: valid ? values : new Map() }
}

/** The order of `Endpoints`. */
export function byAddress(a: Endpoint, b: Endpoint): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : 0
}
