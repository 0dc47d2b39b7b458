import type { Endpoint } from '../discovery/discovery.ts'
import type { RpcxError } from '../errors.ts'
import type { Call } from './call.ts'
import type { Link } from './link.ts'
import type { Pool } from './pool.ts'
import type { Candidate } from './select/selector.ts'
import type { EndpointSnapshot } from './snapshot.ts'

/** Who decides what becomes of a call that a node could not serve. */
export interface NodeOwner {
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** The node could not send the call, which it did not try. */
  returned(call: Call): void
}

/** Those that a node is one of. */
export interface NodePeers {
  /** Whether to measure how long a heartbeat takes. */
  readonly pings: boolean
  /** The longest back-off of a node. */
  maxBackoffMs(): number
  /** Whether so few are out of service that one more may be that answers, only badly. */
  maySpare(): boolean
  /** The share of calls that fail at the others. */
  errorShareBeside(node: Node, now: number): number
  /** It is in or out of service now, or has lost its connection. */
  changed(node: Node): void
  /** It went out of service. */
  ejected(node: Node, error: RpcxError, forMs: number): void
  restored(node: Node): void
}

/** One server as a service of a client sees it. Its link is shared by all services that are called there. */
export class Node implements Candidate {
  endpoint: Endpoint
  readonly link: Link
  readonly owner: NodeOwner
  readonly peers: NodePeers
  /** The number of the newest list that has it, and of that by which it may be called. */
  listedIn = 0
  chosenIn = 0
  readonly #pool: Pool

  constructor(endpoint: Endpoint, pool: Pool, owner: NodeOwner, peers: NodePeers) {
    this.endpoint = endpoint
    this.owner = owner
    this.peers = peers
    this.#pool = pool
    this.link = pool.join(this)
  }

  /** Whether it may be chosen like any other: it is not known to be in trouble. */
  get isAvailable(): boolean {
    return this.link.isAvailable
  }

  /** Whether it is in trouble, and in back-off. */
  get isOut(): boolean {
    return this.link.isOut
  }

  get isConnected(): boolean {
    return this.link.isConnected
  }

  /** When it may be tried again, by `performance.now()`. */
  get dueAt(): number {
    return this.link.dueAt
  }

  get lastError(): RpcxError | undefined {
    return this.link.lastError
  }

  /** How many calls wait there, those of other services included. */
  get inFlight(): number {
    return this.link.inFlight
  }

  get latencyMs(): number | undefined {
    return this.link.latencyMs
  }

  get pingMs(): number | undefined {
    return this.link.pingMs
  }

  errorShare(now: number): number {
    return this.link.errorShare(now)
  }

  snapshot(): Omit<EndpointSnapshot, 'isHeld'> {
    const { address, metadata } = this.endpoint
    return { address, metadata, ...this.link.snapshot() }
  }

  /** Sends now, when connected, or when it is back in service. `urgent` cuts the back-off short. */
  send(call: Call, urgent: boolean): void {
    this.link.send(call, urgent)
  }

  /** It is no longer in the list, but its connection stays: calls that were not sent yet go elsewhere. */
  rest(): void {
    this.link.giveBack(this)
  }

  /** It is no longer in the list: takes no more calls. Those under way go on. */
  leave(): void {
    this.#pool.leave(this)
  }
}
