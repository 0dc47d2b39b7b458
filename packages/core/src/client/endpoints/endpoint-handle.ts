import type { Endpoint } from '../../discovery/discovery.ts'
import type { RpcxError } from '../../errors.ts'
import type { Call, CallOwner, CallTarget } from '../call/call.ts'
import type { EndpointSnapshot } from './snapshot.ts'

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

/** The way to one server, which all services that are called there share. */
export interface EndpointChannel {
  /** Whether it may be chosen like any other: it is not known to be in trouble. */
  readonly isAvailable: boolean
  /** Whether it is in trouble, and in back-off. */
  readonly isOut: boolean
  readonly isConnected: boolean
  /** When it may be tried again, by the clock. */
  readonly dueAt: number
  readonly lastError: RpcxError | undefined
  /** How many calls wait there. */
  readonly inFlight: number
  readonly latencyMs: number | undefined
  readonly pingMs: number | undefined
  /** The share of its newest calls that failed, from 0 to 1. */
  errorShare(now: number): number
  snapshot(): Omit<EndpointSnapshot, 'address' | 'metadata' | 'isHeld'>
  /** Sends now, when connected, or when it is back in service. `urgent` cuts the back-off short. */
  send(call: Call, urgent: boolean): void
  /** The handle, which uses it no longer, gets the calls back that were not sent yet. */
  giveBack(handle: EndpointHandle): void
  /** A call ended there at its deadline. */
  timedOut(call: Call, error: RpcxError): void
  /** Asks for a sign of life; without one it is out of service. */
  verify(): void
  /** Measures how long an answer takes. */
  ping(): void
}

/** The channels of a client by address. */
export interface ChannelPool {
  /** Every call that waits at a server. */
  calls(): Iterable<Call>
  /** The channel to the server of this handle, which uses it until it leaves. */
  join(handle: EndpointHandle): EndpointChannel
  /** The handle sends no more calls. */
  leave(handle: EndpointHandle): void
}

/** One server as a service of a client sees it. The channel to it is shared by all services that are called there. */
export class EndpointHandle implements CallTarget {
  endpoint: Endpoint
  readonly channel: EndpointChannel
  readonly owner: CallOwner
  readonly peers: EndpointPeers
  /** The number of the newest list that has it, and of that by which it may be called. */
  listedIn = 0
  chosenIn = 0
  readonly #pool: ChannelPool

  constructor(endpoint: Endpoint, pool: ChannelPool, owner: CallOwner, peers: EndpointPeers) {
    this.endpoint = endpoint
    this.owner = owner
    this.peers = peers
    this.#pool = pool
    this.channel = pool.join(this)
  }

  /** Whether it may be chosen like any other: it is not known to be in trouble. */
  get isAvailable(): boolean {
    return this.channel.isAvailable
  }

  /** Whether it is in trouble, and in back-off. */
  get isOut(): boolean {
    return this.channel.isOut
  }

  get isConnected(): boolean {
    return this.channel.isConnected
  }

  /** When it may be tried again, by the clock. */
  get dueAt(): number {
    return this.channel.dueAt
  }

  get lastError(): RpcxError | undefined {
    return this.channel.lastError
  }

  /** How many calls wait there, those of other services included. */
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

  /** Sends now, when connected, or when it is back in service. `urgent` cuts the back-off short. */
  send(call: Call, urgent: boolean): void {
    this.channel.send(call, urgent)
  }

  timedOut(call: Call, error: RpcxError): void {
    this.channel.timedOut(call, error)
  }

  /** It is no longer in the list, but its connection stays: calls that were not sent yet go elsewhere. */
  rest(): void {
    this.channel.giveBack(this)
  }

  /** It is no longer in the list: takes no more calls. Those under way go on. */
  leave(): void {
    this.#pool.leave(this)
  }
}
