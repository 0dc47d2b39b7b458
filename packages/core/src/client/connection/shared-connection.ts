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
  /** The interval between heartbeats to a silent server, in milliseconds; 0: no heartbeats. */
  readonly heartbeatMs: number
}

/**
 * A connection to one server that several services share. The first call dials it. After a failure the server is ejected, and gets calls
 * again once it has answered a health probe.
 */
export class SharedConnection implements ConnectionOwner, DialOwner, EndpointChannel {
  readonly endpoint: Endpoint
  readonly subscribers: ConnectionSubscribers = new ConnectionSubscribers()
  /** The duration of the last heartbeat in milliseconds, when a service asked for it. */
  pingMs: number | undefined
  readonly #options: SharedConnectionOptions
  readonly #detector: OutlierDetector
  /** Calls that wait for the connection, for the end of the back-off, or for the server to read. */
  readonly #parked = new PendingQueue()
  #state: State = IDLE
  /** Whether calls should go to other servers, because the dial takes long or the server leaves much unread. */
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

  /** Whether selectors may choose the server: it is neither ejected nor slow. */
  get isAvailable(): boolean {
    return this.#detector.isIn && !this.#isSlow
  }

  /** Whether the server is ejected. */
  get isOut(): boolean {
    return !this.#detector.isIn
  }

  get isConnected(): boolean {
    return this.#state.kind === 'open'
  }

  /** Whether the connection is retired: no service uses it. */
  get isClosed(): boolean {
    return this.#state.kind === 'closed'
  }

  get connection(): Connection | undefined {
    return (this.#state as { readonly connection?: Connection }).connection
  }

  /** The time by the clock when the back-off ends. */
  get dueAt(): number {
    return this.#detector.dueAt
  }

  get lastError(): RpcxError | undefined {
    return this.#detector.lastError
  }

  /** The number of calls that wait for the connection or a reply. */
  get inFlight(): number {
    return this.#parked.size + (this.connection?.inFlight ?? 0)
  }

  get latencyMs(): number | undefined {
    return this.connection?.latencyMs
  }

  /** Yields every call that waits for the connection or a reply. */
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

  /** Sends the call if the server is connected and available; otherwise queues it. `urgent` does not wait for the end of a back-off. */
  send(call: Call, urgent: boolean): void {
    const state = this.#state
    const isFull = state.kind === 'open' && state.connection.isFull
    if (state.kind === 'open' && !isFull && !this.#isSlow && (urgent || this.#detector.isIn)) {
      state.connection.send(call)
      return
    }
    this.#parked.add(call)
    // `slow` sends the queued calls, this one included, to other servers.
    if (isFull && !this.#isSlow) this.slow()
    if (state.kind !== 'idle') return
    if (this.#detector.isIn) this.connect()
    else if (urgent) this.#detector.wakeAt(Math.min(this.dueAt, this.#dialledAt + URGENT_EVERY_MS))
  }

  /** Counts a call that passed its deadline while it waited for a reply of this server. */
  timedOut(call: Call, error: RpcxError): void {
    const { connection } = this
    if (connection?.holds(call) !== true) return
    if (connection.heardAt < call.deadline - call.timeoutMs) this.#detector.fellSilent(error)
    else this.#detector.misdid(error, false)
  }

  /** Sends a heartbeat, and ejects the server if no answer arrives. */
  verify(): void {
    this.#detector.verify()
  }

  /** Measures the duration of a heartbeat. Without a connection it only connects; the new connection then sends the heartbeat. */
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

  /** Dials the server, unless it is connected or a dial is in progress. */
  connect(): void {
    if (this.#state.kind !== 'idle') return
    this.#dialledAt = this.#options.clock.now()
    this.#state = { kind: 'dialling', dial: inRoot(() => new Dial(this.endpoint, this.#options, this)) }
  }

  /** Sends the queued calls. */
  sendParked(): void {
    for (const call of this.#parked.release()) this.send(call, false)
  }

  /** Hands the unsent calls of a handle back to its owner, because the handle no longer uses the connection. */
  giveBack(handle: EndpointHandle): void {
    for (const call of this.#parked.release(call => call.server === handle)) handle.owner.returned(call)
  }

  /** Closes the connection once its pending calls have ended. Resolves when it is closed. */
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
    // A server that declines calls declines all pending ones. They count as one failure.
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
    // A server may close an idle connection. Any other close is a failure.
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

  /** Ejects the server because the connection was refused, reset or lost. Returns the error. */
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

  /** Sends the queued calls to other servers. They come back if there is no other server. */
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

// The minimum interval between dials of an ejected server by urgent calls, which occur when all servers are ejected.
const URGENT_EVERY_MS = 100
