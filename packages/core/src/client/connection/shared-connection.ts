import type { Duplex } from 'node:stream'
import type { Endpoint } from '../../discovery/discovery.ts'
import { isRpcxError, RpcxError } from '../../errors.ts'
import { reasonOf } from '../../reason.ts'
import { inRoot } from '../../root.ts'
import type { Call } from '../call/call.ts'
import { PendingQueue } from '../call/pending-queue.ts'
import type { EndpointChannel, EndpointHandle } from '../endpoints/endpoint-handle.ts'
import { OutlierDetector } from '../endpoints/outlier-detector.ts'
import type { EndpointSnapshot } from '../endpoints/snapshot.ts'
import type { ConnectionOptions, ConnectionOwner } from './connection.ts'
import { Connection } from './connection.ts'
import { ConnectionSubscribers } from './connection-subscribers.ts'
import type { DialOptions, DialOwner } from './dial.ts'
import { Dial } from './dial.ts'

export interface SharedConnectionOptions extends ConnectionOptions, DialOptions {
  /** Whether servers are asked for signs of life, and how often: 0 for never. */
  readonly heartbeatMs: number
}

/**
 * What a client has with one server: at most one connection, dialled by the first call that is sent there. After a failure the
 * server is out of service, and comes back once it has answered a probe.
 */
export class SharedConnection implements ConnectionOwner, DialOwner, EndpointChannel {
  readonly endpoint: Endpoint
  readonly subscribers: ConnectionSubscribers = new ConnectionSubscribers()
  /** How long the last answer to a heartbeat took, when one of its users asked for that. */
  pingMs: number | undefined
  readonly #options: SharedConnectionOptions
  readonly #detector: OutlierDetector
  /** Calls that wait for the connection, for the back-off, or for the server to read. */
  readonly #parked = new PendingQueue()
  #state: State = IDLE
  /** Whether its dial takes so long, or so much is unread there, that calls had better go elsewhere. */
  #isSlow = false
  #dialledAt = Number.NEGATIVE_INFINITY
  readonly #gone: Promise<void>
  #onGone: () => void = () => {}

  constructor(endpoint: Endpoint, options: SharedConnectionOptions) {
    this.endpoint = endpoint
    this.#options = options
    this.#detector = new OutlierDetector(this, options)
    this.#gone = new Promise(resolve => (this.#onGone = resolve))
  }

  /** Whether it may be chosen like any other: it is not known to be in trouble. */
  get isAvailable(): boolean {
    return this.#detector.isIn && !this.#isSlow
  }

  /** Whether it is in trouble, and in back-off. */
  get isOut(): boolean {
    return !this.#detector.isIn
  }

  get isConnected(): boolean {
    return this.#state.kind === 'open'
  }

  /** Whether nobody uses it any more. */
  get isClosed(): boolean {
    return this.#state.kind === 'closed'
  }

  get connection(): Connection | undefined {
    return (this.#state as { readonly connection?: Connection }).connection
  }

  /** When it may be tried again, by the clock. */
  get dueAt(): number {
    return this.#detector.dueAt
  }

  get lastError(): RpcxError | undefined {
    return this.#detector.lastError
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
    return this.#detector.errorShare(now)
  }

  snapshot(): Omit<EndpointSnapshot, 'address' | 'metadata' | 'isHeld'> {
    const { kind } = this.#state
    return {
      state: this.isOut ? 'out' : kind === 'closed' ? 'idle' : kind,
      inFlight: this.inFlight,
      latencyMs: this.latencyMs,
      errorShare: this.errorShare(this.#options.clock.now()),
      replies: this.connection?.replies ?? 0,
      lateReplies: this.connection?.lateReplies ?? 0,
      lastError: this.lastError,
    }
  }

  /** Sends now, when connected, or when it is back in service. `urgent` cuts the back-off short. */
  send(call: Call, urgent: boolean): void {
    const state = this.#state
    const isFull = state.kind === 'open' && state.connection.isFull
    if (state.kind === 'open' && !isFull && !this.#isSlow && (urgent || this.#detector.isIn)) {
      state.connection.send(call)
      return
    }
    this.#parked.add(call)
    // Those that were not sent yet had better go elsewhere, this one among them.
    if (isFull && !this.#isSlow) this.slow()
    if (state.kind !== 'idle') return
    if (this.#detector.isIn) this.connect()
    else if (urgent) this.#detector.wakeAt(Math.min(this.dueAt, this.#dialledAt + URGENT_EVERY_MS))
  }

  /** A call ended here at its deadline. */
  timedOut(call: Call, error: RpcxError): void {
    const { connection } = this
    if (connection?.holds(call) !== true) return
    if (connection.heardAt < call.deadline - call.timeoutMs) this.#detector.fellSilent(error)
    else this.#detector.misdid(error, false)
  }

  /** Asks for a sign of life; without one it is out of service. */
  verify(): void {
    this.#detector.verify()
  }

  /** Measures how long a heartbeat takes; connects for that if need be. */
  ping(): void {
    const { connection } = this
    if (connection === undefined) {
      if (this.#detector.isIn) this.connect()
      return
    }
    const { clock } = this.#options
    const start = clock.now()
    connection.ask(() => {
      this.pingMs = clock.now() - start
      this.subscribers.changed()
    })
  }

  /** Dials, unless it does already. */
  connect(): void {
    if (this.#state.kind !== 'idle') return
    this.#dialledAt = this.#options.clock.now()
    this.#state = { kind: 'dialling', dial: inRoot(() => new Dial(this.endpoint, this.#options, this)) }
  }

  /** Sends the calls that wait. */
  sendParked(): void {
    for (const call of this.#parked.release()) this.send(call, false)
  }

  /** The handle, which uses it no longer, gets the calls back that were not sent yet. */
  giveBack(handle: EndpointHandle): void {
    for (const call of this.#parked.release(call => call.server === handle)) handle.owner.returned(call)
  }

  /** Nobody uses it any more. Resolves when the calls under way have ended and it is closed. */
  async retire(): Promise<void> {
    const { connection } = this
    const state = this.#state
    this.#state = { kind: 'closed', connection }
    this.#detector.stop()
    if (state.kind === 'dialling') state.dial.giveUp()
    if (connection === undefined) return
    connection.retire()
    await this.#gone
  }

  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void {
    // Those that were under way are declined too: that is one failure, not many.
    if (error.code === 'ERR_RPCX_NOT_EXECUTED' && this.#detector.isIn) this.#detector.failed(error)
    call.server?.owner.failed(call, error, mayHaveRun)
  }

  erred(error: RpcxError): void {
    this.#detector.misdid(error, true)
  }

  closed(error: Error | undefined): void {
    if (this.#state.kind !== 'open') {
      this.#onGone()
      return
    }
    const { connection } = this.#state
    this.#state = IDLE
    this.#isSlow = false
    // A server may close a connection that nobody uses; all else is trouble.
    if (error !== undefined || connection.inFlight > 0 || this.isOut) this.#troubled(error)
    this.subscribers.changed()
    this.#giveAllBack()
  }

  opened(stream: Duplex): void {
    const connection = new Connection(stream, this.endpoint.address, this.#options, this)
    this.#state = { kind: 'open', connection }
    this.#endSlowness()
    this.#detector.connected(connection)
    if (this.#detector.isIn) this.sendParked()
    if (this.subscribers.wantPings) this.ping()
  }

  slow(): void {
    this.#isSlow = true
    this.subscribers.changed()
    this.#giveAllBack()
  }

  drained(): void {
    this.#endSlowness()
    if (this.#detector.isIn) this.sendParked()
  }

  refused(cause: Error): void {
    this.#state = IDLE
    this.#isSlow = false
    const error = this.#troubled(cause)
    for (const call of this.#parked.release()) call.server?.owner.failed(call, error, false)
  }

  /** The connection was refused, reset or lost. */
  #troubled(cause: Error | undefined): RpcxError {
    const code = isRpcxError(cause, 'ERR_RPCX_TLS') ? 'ERR_RPCX_TLS' : 'ERR_RPCX_UNAVAILABLE'
    const text = `${this.endpoint.address}: ${cause === undefined ? 'closed the connection' : reasonOf(cause)}`
    const error = new RpcxError(code, text, { cause })
    this.#detector.failed(error)
    return error
  }

  #endSlowness(): void {
    if (!this.#isSlow) return
    this.#isSlow = false
    this.subscribers.changed()
  }

  /** The calls that wait go elsewhere; where there is no other to go to, they come back. */
  #giveAllBack(): void {
    for (const call of this.#parked.release()) call.server?.owner.returned(call)
  }
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'dialling'; readonly dial: Dial }
  | { readonly kind: 'open'; readonly connection: Connection }
  | { readonly kind: 'closed'; readonly connection: Connection | undefined }

const IDLE: State = { kind: 'idle' }

// With every server out of service, one is dialled at once, but not more often than this.
const URGENT_EVERY_MS = 100
