import type { RpcxError } from '../../errors.ts'
import type { EndpointHandle, EndpointPeers } from '../endpoints/endpoint-handle.ts'

/** The services that share a connection. It notifies all of them, and combines their answers into one. */
export class ConnectionSubscribers {
  readonly #handles = new Set<EndpointHandle>()

  get size(): number {
    return this.#handles.size
  }

  add(handle: EndpointHandle): void {
    this.#handles.add(handle)
  }

  delete(handle: EndpointHandle): void {
    this.#handles.delete(handle)
  }

  /** Whether any service needs the duration of heartbeats. */
  get wantPings(): boolean {
    return this.#peers.some(({ pings }) => pings)
  }

  /** Returns the shortest maximum of all services: a service with no other server needs this one back soon. */
  maxBackoffMs(): number {
    return Math.min(...this.#peers.map(peers => peers.maxBackoffMs()))
  }

  /** Returns whether the ejection limit of every service allows ejecting this server. */
  maySpare(): boolean {
    return this.#peers.every(peers => peers.maySpare())
  }

  /** Returns the highest error rate that any service has at its other servers. A fault that they share is not the fault of this server. */
  errorShareBeside(now: number): number {
    return Math.max(0, ...[...this.#handles].map(handle => handle.peers.errorShareBeside(handle, now)))
  }

  // The following methods iterate over a copy, because a notified service may remove its handle.

  changed(): void {
    for (const handle of [...this.#handles]) handle.peers.changed(handle)
  }

  ejected(error: RpcxError, forMs: number): void {
    for (const handle of [...this.#handles]) handle.peers.ejected(handle, error, forMs)
  }

  restored(): void {
    for (const handle of [...this.#handles]) handle.peers.restored(handle)
  }

  get #peers(): EndpointPeers[] {
    return [...this.#handles].map(({ peers }) => peers)
  }
}
