import type { Endpoint } from '../../discovery/discovery.ts'
import type { RpcxError } from '../../errors.ts'
import type { Call } from '../call/call.ts'
import type { ConnectionPool } from '../connection/connection-pool.ts'
import type { SharedConnection } from '../connection/shared-connection.ts'
import type { Candidate } from '../select/selector.ts'
import type { EndpointSnapshot } from './snapshot.ts'

/** Who decides what becomes of a call that a handle could not serve. */
export interface EndpointHandleOwner {
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** The handle could not send the call, which it did not try. */
  returned(call: Call): void
}

/** Those that a handle is one of. */
export interface EndpointPeers {
  /** Whether to measure how long a heartbeat takes. */
  readonly pings: boolean
  /** The longest back-off of a handle. */
  maxBackoffMs(): number
  /** Whether so few are out of service that one more may be that answers, only badly. */
  maySpare(): boolean
  /** The share of calls that fail at the others. */
  errorShareBeside(handle: EndpointHandle, now: number): number
  /** It is in or out of service now, or has lost its connection. */
  changed(handle: EndpointHandle): void
  /** It went out of service. */
  ejected(handle: EndpointHandle, error: RpcxError, forMs: number): void
  restored(handle: EndpointHandle): void
}

/** One server as a service of a client sees it. Its link is shared by all services that are called there. */
export class EndpointHandle implements Candidate {
  endpoint: Endpoint
  readonly shared: SharedConnection
  readonly owner: EndpointHandleOwner
  readonly peers: EndpointPeers
  /** The number of the newest list that has it, and of that by which it may be called. */
  listedIn = 0
  chosenIn = 0
  readonly #pool: ConnectionPool

  constructor(endpoint: Endpoint, pool: ConnectionPool, owner: EndpointHandleOwner, peers: EndpointPeers) {
    this.endpoint = endpoint
    this.owner = owner
    this.peers = peers
    this.#pool = pool
    this.shared = pool.join(this)
  }

  /** Whether it may be chosen like any other: it is not known to be in trouble. */
  get isAvailable(): boolean {
    return this.shared.isAvailable
  }

  /** Whether it is in trouble, and in back-off. */
  get isOut(): boolean {
    return this.shared.isOut
  }

  get isConnected(): boolean {
    return this.shared.isConnected
  }

  /** When it may be tried again, by `performance.now()`. */
  get dueAt(): number {
    return this.shared.dueAt
  }

  get lastError(): RpcxError | undefined {
    return this.shared.lastError
  }

  /** How many calls wait there, those of other services included. */
  get inFlight(): number {
    return this.shared.inFlight
  }

  get latencyMs(): number | undefined {
    return this.shared.latencyMs
  }

  get pingMs(): number | undefined {
    return this.shared.pingMs
  }

  errorShare(now: number): number {
    return this.shared.errorShare(now)
  }

  snapshot(): Omit<EndpointSnapshot, 'isHeld'> {
    const { address, metadata } = this.endpoint
    return { address, metadata, ...this.shared.snapshot() }
  }

  /** Sends now, when connected, or when it is back in service. `urgent` cuts the back-off short. */
  send(call: Call, urgent: boolean): void {
    this.shared.send(call, urgent)
  }

  /** It is no longer in the list, but its connection stays: calls that were not sent yet go elsewhere. */
  rest(): void {
    this.shared.giveBack(this)
  }

  /** It is no longer in the list: takes no more calls. Those under way go on. */
  leave(): void {
    this.#pool.leave(this)
  }
}
