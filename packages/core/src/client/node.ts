import type { Duplex } from 'node:stream'
import { parseAddress } from '../address.ts'
import type { Endpoint } from '../discovery/discovery.ts'
import { RpcxError } from '../errors.ts'
import { transportOf } from '../transport/networks.ts'
import type { Call, Holder } from './call.ts'
import type { ConnectionOptions, ConnectionOwner } from './connection.ts'
import { Connection } from './connection.ts'

export interface NodeOptions extends ConnectionOptions {
  readonly connectTimeoutMs: number
}

/** Who decides what becomes of a call that a node could not serve. */
export interface NodeOwner {
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** The node left the list before it could send the call. */
  returned(call: Call): void
  /** The longest back-off of a node. */
  maxBackoffMs(): number
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'dialling'; readonly abort: AbortController }
  | { readonly kind: 'open'; readonly connection: Connection }
  | { readonly kind: 'closed'; readonly connection: Connection | undefined }

/**
 * One server as a client sees it: at most one connection, dialled by the first call that is sent there. After a failure it
 * is left alone until `dueAt`.
 */
export class Node implements ConnectionOwner, Holder {
  endpoint: Endpoint
  readonly #options: NodeOptions
  readonly #owner: NodeOwner
  /** Calls that wait for the connection. */
  readonly #parked = new Set<Call>()
  #state: State = IDLE
  #failures = 0
  #dueAt = 0
  #dialledAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #wakesAt = 0
  #lastError: RpcxError | undefined
  readonly #gone: Promise<void>
  #onGone: () => void = () => {}

  constructor(endpoint: Endpoint, options: NodeOptions, owner: NodeOwner) {
    this.endpoint = endpoint
    this.#options = options
    this.#owner = owner
    this.#gone = new Promise(resolve => (this.#onGone = resolve))
  }

  /** Whether it may be chosen like any other: it is not known to be in trouble. */
  get isAvailable(): boolean {
    if (this.#state.kind === 'dialling' && this.#failures > 0) return false
    return this.#dueAt === 0 || this.#dueAt <= performance.now()
  }

  /** When it may be tried again, by `performance.now()`. */
  get dueAt(): number {
    return this.#dueAt
  }

  get lastError(): RpcxError | undefined {
    return this.#lastError
  }

  /** Every call that waits here. */
  *calls(): Generator<Call> {
    yield* this.#parked
    const { connection } = this.#state as { readonly connection?: Connection }
    if (connection !== undefined) yield* connection.calls
  }

  /** Sends now, when connected, or when its back-off is over. `urgent` cuts the back-off short. */
  send(call: Call, urgent: boolean): void {
    if (this.#state.kind === 'open' && (urgent || this.isAvailable)) {
      this.#state.connection.send(call)
      return
    }
    call.holder = this
    this.#parked.add(call)
    if (this.#state.kind === 'dialling') return
    this.#wakeAt(urgent ? Math.min(this.#dueAt, this.#dialledAt + URGENT_EVERY_MS) : this.#dueAt)
  }

  forget(call: Call): void {
    this.#parked.delete(call)
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
    if (error.code === 'ERR_RPCX_NOT_EXECUTED') this.#declined(error)
    this.#owner.failed(call, error, mayHaveRun)
  }

  closed(error: Error | undefined): void {
    if (this.#state.kind !== 'open') {
      this.#onGone()
      return
    }
    const { connection } = this.#state
    this.#state = IDLE
    if (connection.wasUsed) this.#failures = 0
    // A server may close a connection that nobody uses; all else is trouble.
    if (error !== undefined || connection.inFlight > 0) this.#troubled(error)
  }

  async #leave(end: (connection: Connection) => void): Promise<void> {
    const state = this.#state
    const connection = state.kind === 'open' || state.kind === 'closed' ? state.connection : undefined
    this.#state = { kind: 'closed', connection }
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (state.kind === 'dialling') state.abort.abort()
    for (const call of this.#unpark()) this.#owner.returned(call)
    if (connection === undefined) return
    end(connection)
    await this.#gone
  }

  #wakeAt(at: number): void {
    const ms = at - performance.now()
    if (ms <= 0) {
      this.#wake()
    } else if (this.#timer === undefined || at < this.#wakesAt) {
      clearTimeout(this.#timer)
      this.#wakesAt = at
      this.#timer = setTimeout(() => this.#wake(), ms).unref()
    }
  }

  /** The back-off is over, or was cut short. */
  #wake(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#state.kind === 'idle') this.#dial()
    else if (this.#state.kind === 'open') this.#sendParked(this.#state.connection)
  }

  #dial(): void {
    const { address, network } = this.endpoint
    const { connectTimeoutMs } = this.#options
    const abort = new AbortController()
    const timer = setTimeout(() => {
      abort.abort(new Error(`no connection within ${connectTimeoutMs} ms`))
    }, connectTimeoutMs)
    this.#dialledAt = performance.now()
    this.#state = { kind: 'dialling', abort }
    connect(network, parseAddress(address).host, abort.signal)
      .then(
        stream => this.#opened(stream),
        (cause: Error) => this.#refused(cause),
      )
      .finally(() => clearTimeout(timer))
  }

  #opened(stream: Duplex): void {
    if (this.#state.kind !== 'dialling') {
      stream.destroy()
      return
    }
    this.#dueAt = 0
    const connection = new Connection(stream, this.endpoint.address, this.#options, this)
    this.#state = { kind: 'open', connection }
    this.#sendParked(connection)
  }

  #refused(cause: Error): void {
    if (this.#state.kind !== 'dialling') return
    this.#state = IDLE
    this.#failParked(this.#troubled(cause))
  }

  #troubled(cause: Error | undefined): RpcxError {
    const error = new RpcxError(
      'ERR_RPCX_UNAVAILABLE',
      `${this.endpoint.address}: ${cause?.message ?? 'closed the connection'}`,
      { cause },
    )
    this.#backOff(error)
    return error
  }

  /** It did not run a call. Those that were under way are declined too: that is one failure, not many. */
  #declined(error: RpcxError): void {
    if (!this.isAvailable) return
    // After a good while of service, this is trouble out of the blue.
    if (performance.now() - this.#dueAt > this.#owner.maxBackoffMs()) this.#failures = 0
    this.#backOff(error)
  }

  #backOff(error: RpcxError): void {
    this.#lastError = error
    this.#failures++
    this.#dueAt = performance.now() + backoffMs(this.#failures, this.#owner.maxBackoffMs())
  }

  #sendParked(connection: Connection): void {
    for (const call of this.#unpark()) connection.send(call)
  }

  #failParked(error: RpcxError): void {
    for (const call of this.#unpark()) this.#owner.failed(call, error, false)
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

// With every server in back-off, one is dialled at once, but not more often than this.
const URGENT_EVERY_MS = 100

const FIRST_BACKOFF_MS = 100

function backoffMs(failures: number, most: number): number {
  return Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), most) * (0.5 + Math.random() / 2)
}

async function connect(network: string, host: string, signal: AbortSignal): Promise<Duplex> {
  return transportOf(network).connect(network, host, signal)
}
