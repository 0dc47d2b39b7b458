import type { RpcxError } from '../../errors.ts'
import type { EndpointHandle, EndpointPeers } from '../endpoints/endpoint-handle.ts'

/** The services that share a connection, as one: what they are told, and what they agree to. */
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

  /** Whether one of them wants to know how long a heartbeat takes. */
  get wantPings(): boolean {
    return this.#peers.some(({ pings }) => pings)
  }

  /** The shortest: a service that has no other server is to find this one again soon. */
  maxBackoffMs(): number {
    return Math.min(...this.#peers.map(peers => peers.maxBackoffMs()))
  }

  /** Whether each of them can do without it. */
  maySpare(): boolean {
    return this.#peers.every(peers => peers.maySpare())
  }

  /** The highest share of calls that fail beside it: a fault that it has in common with others is not its own. */
  errorShareBeside(now: number): number {
    return Math.max(0, ...[...this.#handles].map(handle => handle.peers.errorShareBeside(handle, now)))
  }

  // What they are told may make one of them leave.

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
