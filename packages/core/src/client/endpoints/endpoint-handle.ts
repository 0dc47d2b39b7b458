import type { Endpoint } from '../../discovery/discovery.ts'
import type { RpcxError } from '../../errors.ts'
import type { Call, CallOwner, CallTarget } from '../call/call.ts'
import type { EndpointSnapshot } from './snapshot.ts'

/** The set of servers that a handle belongs to. */
export interface EndpointPeers {
  /** Whether to measure the duration of heartbeats. */
  readonly pings: boolean
  /** Returns the maximum back-off of a server, in milliseconds. */
  maxBackoffMs(): number
  /** Returns whether the ejection limit allows ejecting one more server that still responds. */
  maySpare(): boolean
  /** Returns the average error rate of the other connected servers, from 0 to 1. */
  errorShareBeside(handle: EndpointHandle, now: number): number
  /** Called when the server becomes available or unavailable, or loses its connection. */
  changed(handle: EndpointHandle): void
  /** Called when the server was ejected, with the time until the next health probe in milliseconds. */
  ejected(handle: EndpointHandle, error: RpcxError, forMs: number): void
  /** Called when the server answered a health probe and gets calls again. */
  restored(handle: EndpointHandle): void
}

/** A connection to one server, which all services that are called there share. */
export interface EndpointChannel {
  /** Whether selectors may choose the server: it is neither ejected nor slow. */
  readonly isAvailable: boolean
  /** Whether the server is ejected. */
  readonly isOut: boolean
  readonly isConnected: boolean
  /** The time by the clock when the back-off ends. */
  readonly dueAt: number
  readonly lastError: RpcxError | undefined
  /** The number of calls that wait for the connection or a reply. */
  readonly inFlight: number
  readonly latencyMs: number | undefined
  readonly pingMs: number | undefined
  /** Returns the share of the recent calls that failed, from 0 to 1. */
  errorShare(now: number): number
  snapshot(): Omit<EndpointSnapshot, 'address' | 'metadata' | 'isHeld'>
  /** Sends the call if the server is connected and available; otherwise queues it. `urgent` does not wait for the end of a back-off. */
  send(call: Call, urgent: boolean): void
  /** Hands the unsent calls of a handle back to its owner, because the handle no longer uses the connection. */
  giveBack(handle: EndpointHandle): void
  /** Called when a call to this server passed its deadline. */
  timedOut(call: Call, error: RpcxError): void
  /** Sends a heartbeat, and ejects the server if no answer arrives. */
  verify(): void
  /** Measures the duration of a heartbeat, for `pingMs`. */
  ping(): void
}

/** The connections of a client, by address. */
export interface ChannelPool {
  /** Yields every call that waits for a connection or a reply. */
  calls(): Iterable<Call>
  /** Returns the connection to the server of this handle. The handle uses it until `leave`. */
  join(handle: EndpointHandle): EndpointChannel
  /** Removes a handle, which sends no more calls. */
  leave(handle: EndpointHandle): void
}

/** One server as one service of a client sees it. All services that are called there share the channel. */
export class EndpointHandle implements CallTarget {
  endpoint: Endpoint
  readonly channel: EndpointChannel
  readonly owner: CallOwner
  readonly peers: EndpointPeers
  /** The number of the newest list that contains the server. */
  listedIn = 0
  /** The number of the newest list by which the server may be called: a group or a subset may exclude a listed server. */
  chosenIn = 0
  readonly #pool: ChannelPool

  constructor(endpoint: Endpoint, pool: ChannelPool, owner: CallOwner, peers: EndpointPeers) {
    this.endpoint = endpoint
    this.owner = owner
    this.peers = peers
    this.#pool = pool
    this.channel = pool.join(this)
  }

  /** Whether selectors may choose the server: it is neither ejected nor slow. */
  get isAvailable(): boolean {
    return this.channel.isAvailable
  }

  /** Whether the server is ejected. */
  get isOut(): boolean {
    return this.channel.isOut
  }

  get isConnected(): boolean {
    return this.channel.isConnected
  }

  /** The time by the clock when the back-off ends. */
  get dueAt(): number {
    return this.channel.dueAt
  }

  get lastError(): RpcxError | undefined {
    return this.channel.lastError
  }

  /** The number of calls that wait for the server, including those of other services. */
  get inFlight(): number {
    return this.channel.inFlight
  }

  get latencyMs(): number | undefined {
    return this.channel.latencyMs
  }

  get pingMs(): number | undefined {
    return this.channel.pingMs
  }

  errorShare(now: number): number {
    return this.channel.errorShare(now)
  }

  snapshot(): Omit<EndpointSnapshot, 'isHeld'> {
    const { address, metadata } = this.endpoint
    return { address, metadata, ...this.channel.snapshot() }
  }

  /** Sends the call if the server is connected and available; otherwise queues it. `urgent` does not wait for the end of a back-off. */
  send(call: Call, urgent: boolean): void {
    this.channel.send(call, urgent)
  }

  timedOut(call: Call, error: RpcxError): void {
    this.channel.timedOut(call, error)
  }

  /** Sends the unsent calls to other servers. The connection stays open, although the server has left the list. */
  rest(): void {
    this.channel.giveBack(this)
  }

  /** Stops using the server, which has left the list. Calls that were sent continue. */
  leave(): void {
    this.#pool.leave(this)
  }
}
