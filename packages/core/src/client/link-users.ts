import type { RpcxError } from '../errors.ts'
import type { Node, NodePeers } from './node.ts'

/** The services that share a link, as one: what they are told, and what they agree to. */
export class LinkUsers {
  readonly #nodes = new Set<Node>()

  get size(): number {
    return this.#nodes.size
  }

  add(node: Node): void {
    this.#nodes.add(node)
  }

  delete(node: Node): void {
    this.#nodes.delete(node)
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
    return Math.max(0, ...[...this.#nodes].map(node => node.peers.errorShareBeside(node, now)))
  }

  // What they are told may make one of them leave.

  changed(): void {
    for (const node of [...this.#nodes]) node.peers.changed(node)
  }

  ejected(error: RpcxError, forMs: number): void {
    for (const node of [...this.#nodes]) node.peers.ejected(node, error, forMs)
  }

  restored(): void {
    for (const node of [...this.#nodes]) node.peers.restored(node)
  }

  get #peers(): NodePeers[] {
    return [...this.#nodes].map(({ peers }) => peers)
  }
}
