import { parseAddress } from '../address.ts'
import type { Values } from '../metadata.ts'
import { parseMetadata } from '../metadata.ts'
import { checkMethods } from '../options.ts'

/** One server of a service, as a registry lists it. */
export interface Endpoint {
  /** The address, such as `tcp@10.0.0.7:8972`. */
  readonly address: string
  /** The part of the address before `@`; `tcp` when there is none. */
  readonly network: string
  /** The metadata as the registry stores them: a query string. */
  readonly metadata: string
  /** The parsed metadata. Empty when any pair is malformed, because Go's clients then ignore all pairs. */
  readonly values: Values
}

/** All servers of a service at one moment, in address order. A list is always complete, and never changes. */
export type Endpoints = readonly Endpoint[]

/** How long to wait for a registry. */
export interface WaitOptions {
  /** Ends the wait: `list` rejects with the reason of the signal, and `watch` ends. @default none */
  readonly signal?: AbortSignal
  /** How long to wait for the first answer of the registry, in milliseconds. @default without end */
  readonly timeoutMs?: number
}

/** The state of the list of one service: whether it is current, and where it comes from. */
export interface DiscoveryStatus {
  /**
   * `idle`: not watched, because the service was not used in the last minute · `waiting`: the registry has not answered yet · `fresh`: the
   * list is current · `stale`: the registry is unreachable, and the last list is in use · `closed`: the discovery is closed
   */
  readonly state: 'idle' | 'waiting' | 'fresh' | 'stale' | 'closed'
  /** When this state began, in milliseconds since the epoch. With the source `cache`, the time of the list. */
  readonly since: number
  /** Where the list comes from. */
  readonly source: 'registry' | 'cache' | 'static'
  /** The most recent error, even if the registry has recovered since. */
  readonly lastError: Error | undefined
}

/** Finds the servers of a service. Always returns the last list that the registry reported. */
export interface Discovery extends AsyncDisposable {
  /**
   * Returns the current servers; an empty list when there are none.
   * @throws `ERR_RPCX_REGISTRY` when no list arrives within `timeoutMs`; `ERR_RPCX_CLOSED`
   */
  list(service: string, options?: WaitOptions): Promise<Endpoints>
  /**
   * Yields the current servers, then the new list after each change. A slow reader skips to the newest list. The discovery reconnects to a
   * lost registry by itself and keeps the last list. So the loop ends only on `break`, `close()` or the signal.
   * @throws `ERR_RPCX_REGISTRY` when no list arrives within `timeoutMs`
   */
  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints>
  /** Returns the state of the list. Sends no request. */
  status(service: string): DiscoveryStatus
  /** Reports that a client had trouble with this server, so that the discovery can check whether the server still exists. */
  verify?(service: string, address: string): void
  /** Ends every `list` and `watch`, and releases everything that the discovery holds at the registry. May be called twice. */
  close(): Promise<void>
}

/** @throws TypeError unless the value is a discovery; JavaScript code may pass anything */
export function checkDiscovery(what: string, value: unknown): void {
  checkMethods(what, value, 'a discovery', ['watch', 'list', 'status'])
}

/** Returns the endpoint of an address and metadata that a registry stores. @throws `ERR_RPCX_ADDRESS` */
export function parseEndpoint(address: string, metadata: string): Endpoint {
  const { network } = parseAddress(address)
  const { values, valid } = parseMetadata(metadata)
  return { address, network, metadata, values: valid ? values : new Map() }
}

/** Compares two endpoints by address, which is the order of `Endpoints`. */
export function byAddress(a: Endpoint, b: Endpoint): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : 0
}
