import type { Duplex } from 'node:stream'
import type { Endpoint } from '../discovery/discovery.ts'
import { isRpcxError, RpcxError } from '../errors.ts'
import type { Call, Holder } from './call.ts'
import type { ConnectionOptions, ConnectionOwner } from './connection.ts'
import { Connection } from './connection.ts'
import type { DialOptions, DialOwner } from './dial.ts'
import { Dial } from './dial.ts'
import { Health } from './health.ts'
import type { Candidate } from './select/selector.ts'
import type { EndpointSnapshot } from './snapshot.ts'

export interface NodeOptions extends ConnectionOptions, DialOptions {
  /** Whether to measure how long a heartbeat takes. */
  readonly pings: boolean
}

/** Who decides what becomes of a call that a node could not serve. */
export interface NodeOwner {
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** The node could not send the call, which it did not try. */
  returned(call: Call): void
}

/** Those that a node is one of. */
export interface NodePeers {
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

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'dialling'; readonly dial: Dial }
  | { readonly kind: 'open'; readonly connection: Connection }
  | { readonly kind: 'closed'; readonly connection: Connection | undefined }

/**
 * One server as a client sees it: at most one connection, dialled by the first call that is sent there. After a failure it
 * is out of service, and comes back once it has answered a probe.
 */
export class Node implements Candidate, ConnectionOwner, DialOwner, Holder {
  endpoint: Endpoint
  pingMs: number | undefined
  readonly #options: NodeOptions
  readonly #owner: NodeOwner
  readonly #peers: NodePeers
  readonly #health: Health
  /** Calls that wait for the connection, or for the back-off. */
  readonly #parked = new Set<Call>()
  #state: State = IDLE
  /** Whether its dial takes so long that calls had better go elsewhere. */
  #isSlow = false
  #dialledAt = Number.NEGATIVE_INFINITY
  readonly #gone: Promise<void>
  #onGone: () => void = () => {}

  constructor(endpoint: Endpoint, options: NodeOptions, owner: NodeOwner, peers: NodePeers) {
    this.endpoint = endpoint
    this.#options = options
    this.#owner = owner
    this.#peers = peers
    this.#health = new Health(this, options, peers)
    this.#gone = new Promise(resolve => (this.#onGone = resolve))
  }

  /** Whether it may be chosen like any other: it is not known to be in trouble. */
  get isAvailable(): boolean {
    return this.#health.isIn && !this.#isSlow
  }

  /** Whether it is in trouble, and in back-off. */
  get isOut(): boolean {
    return !this.#health.isIn
  }

  get isConnected(): boolean {
    return this.#state.kind === 'open'
  }

  /** Whether it has left the list. */
  get isClosed(): boolean {
    return this.#state.kind === 'closed'
  }

  get connection(): Connection | undefined {
    return (this.#state as { readonly connection?: Connection }).connection
  }

  /** When it may be tried again, by `performance.now()`. */
  get dueAt(): number {
    return this.#health.dueAt
  }

  get lastError(): RpcxError | undefined {
    return this.#health.lastError
  }

  /** How many calls wait here. */
  get inFlight(): number {
    return this.#parked.size + (this.connection?.inFlight ?? 0)
  }

  get latencyMs(): number | undefined {
    return this.connection?.latencyMs
  }

  /** Every call that waits here. */
  *calls(): Generator<Call> {
    yield* this.#parked
    if (this.connection !== undefined) yield* this.connection.calls
  }

  errorShare(now: number): number {
    return this.#health.errorShare(now)
  }

  snapshot(): Omit<EndpointSnapshot, 'isHeld'> {
    const { kind } = this.#state
    return {
      address: this.endpoint.address,
      metadata: this.endpoint.metadata,
      state: this.isOut ? 'out' : kind === 'closed' ? 'idle' : kind,
      inFlight: this.inFlight,
      latencyMs: this.latencyMs,
      errorShare: this.errorShare(performance.now()),
      replies: this.connection?.replies ?? 0,
      lateReplies: this.connection?.lateReplies ?? 0,
      lastError: this.lastError,
    }
  }

  /** Sends now, when connected, or when it is back in service. `urgent` cuts the back-off short. */
  send(call: Call, urgent: boolean): void {
    const state = this.#state
    if (state.kind === 'open' && (urgent || this.#health.isIn)) {
      state.connection.send(call)
      return
    }
    call.holder = this
    this.#parked.add(call)
    if (state.kind !== 'idle') return
    if (this.#health.isIn) this.connect()
    else if (urgent) this.#health.wakeAt(Math.min(this.dueAt, this.#dialledAt + URGENT_EVERY_MS))
  }

  forget(call: Call): void {
    this.#parked.delete(call)
  }

  /** A call ended here at its deadline. */
  timedOut(call: Call, error: RpcxError): void {
    const { connection } = this
    if (connection === undefined || call.holder !== connection) return
    if (connection.heardAt < call.deadline - call.timeoutMs) this.#health.fellSilent(error)
    else this.#health.misdid(error, false)
  }

  /** Asks for a sign of life; without one it is out of service. */
  verify(): void {
    this.#health.verify()
  }

  /** Measures how long a heartbeat takes; connects for that if need be. */
  ping(): void {
    const { connection } = this
    if (connection === undefined) {
      if (this.#health.isIn) this.connect()
      return
    }
    const start = performance.now()
    connection.ask(() => {
      this.pingMs = performance.now() - start
      this.#peers.changed(this)
    })
  }

  /** Dials, unless it does already. */
  connect(): void {
    if (this.#state.kind !== 'idle') return
    this.#dialledAt = performance.now()
    this.#state = { kind: 'dialling', dial: new Dial(this.endpoint, this.#options, this) }
  }

  /** Sends the calls that wait. */
  sendParked(): void {
    for (const call of this.#unpark()) this.connection?.send(call)
  }

  /** It is no longer in the list: takes no more calls. Resolves when those under way have ended and it is closed. */
  retire(): Promise<void> {
    return this.#leave(connection => connection.retire())
  }

  /** Closes at once, but sends what is queued first. Resolves when the connection is gone. */
  close(): Promise<void> {
    return this.#leave(connection => connection.end())
  }

  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void {
    // Those that were under way are declined too: that is one failure, not many.
    if (error.code === 'ERR_RPCX_NOT_EXECUTED' && this.#health.isIn) this.#health.failed(error)
    this.#owner.failed(call, error, mayHaveRun)
  }

  deaf(call: Call, error: RpcxError): void {
    if (this.#health.isIn) this.#health.failed(error)
    this.#owner.failed(call, error, false)
  }

  erred(error: RpcxError): void {
    this.#health.misdid(error, true)
  }

  closed(error: Error | undefined): void {
    if (this.#state.kind !== 'open') {
      this.#onGone()
      return
    }
    const { connection } = this.#state
    this.#state = IDLE
    // A server may close a connection that nobody uses; all else is trouble.
    if (error !== undefined || connection.inFlight > 0 || this.isOut) this.#troubled(error)
    this.#peers.changed(this)
  }

  opened(stream: Duplex): void {
    const connection = new Connection(stream, this.endpoint.address, this.#options, this)
    this.#state = { kind: 'open', connection }
    if (this.#isSlow) {
      this.#isSlow = false
      this.#peers.changed(this)
    }
    this.#health.connected(connection)
    if (this.#health.isIn) this.sendParked()
    if (this.#options.pings) this.ping()
  }

  slow(): void {
    this.#isSlow = true
    this.#peers.changed(this)
    // Where there is no other to go to, they come back.
    for (const call of this.#unpark()) this.#owner.returned(call)
  }

  refused(cause: Error): void {
    this.#state = IDLE
    this.#isSlow = false
    const error = this.#troubled(cause)
    for (const call of this.#unpark()) this.#owner.failed(call, error, false)
  }

  async #leave(end: (connection: Connection) => void): Promise<void> {
    const { connection } = this
    const state = this.#state
    this.#state = { kind: 'closed', connection }
    this.#health.stop()
    if (state.kind === 'dialling') state.dial.giveUp()
    for (const call of this.#unpark()) this.#owner.returned(call)
    if (connection === undefined) return
    end(connection)
    await this.#gone
  }

  /** The connection was refused, reset or lost. */
  #troubled(cause: Error | undefined): RpcxError {
    const code = isRpcxError(cause, 'ERR_RPCX_TLS') ? 'ERR_RPCX_TLS' : 'ERR_RPCX_UNAVAILABLE'
    const text = `${this.endpoint.address}: ${cause?.message ?? 'closed the connection'}`
    const error = new RpcxError(code, text, { cause })
    this.#health.failed(error)
    return error
  }

  /** The calls that waited, none of them held any longer. */
  #unpark(): Call[] {
    const calls = [...this.#parked]
    this.#parked.clear()
    for (const call of calls) call.holder = undefined
    return calls
  }
}

const IDLE: State = { kind: 'idle' }

// With every server out of service, one is dialled at once, but not more often than this.
const URGENT_EVERY_MS = 100
