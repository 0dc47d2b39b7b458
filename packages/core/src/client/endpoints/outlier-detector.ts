import type { Clock, Timer } from '../../clock.ts'
import type { Endpoint } from '../../discovery/discovery.ts'
import { RpcxError } from '../../errors.ts'
import { inRoot } from '../../root.ts'
import { Ejection } from './ejection.ts'
import { ErrorRate } from './error-rate.ts'

/** A connection that answers health probes. */
export interface ProbedConnection {
  /** The number of replies, including those of failed calls. */
  readonly replies: number
  /** Sends a heartbeat and calls `onAlive` when the answer arrives. */
  ask(onAlive: () => void): void
  /** Destroys the connection at once. */
  destroy(error: Error): void
}

/** The server that the detector watches. */
export interface WatchedServer {
  readonly endpoint: Endpoint
  readonly connection: ProbedConnection | undefined
  /** Whether the connection is retired: no service uses it. */
  readonly isClosed: boolean
  /** The services that are called there, combined into one. */
  readonly subscribers: {
    maxBackoffMs(): number
    maySpare(): boolean
    errorShareBeside(now: number): number
    changed(): void
    ejected(error: RpcxError, forMs: number): void
    restored(): void
  }
  connect(): void
  sendParked(): void
}

export interface OutlierDetectorOptions {
  readonly clock: Clock
  readonly connectTimeoutMs: number
  /** The interval between heartbeats, in milliseconds. 0: neither heartbeats nor health probes. */
  readonly heartbeatMs: number
}

/** Ejects a server that fails, and restores it once it has answered a health probe. */
export class OutlierDetector {
  readonly #server: WatchedServer
  readonly #options: OutlierDetectorOptions
  readonly #ejection: Ejection
  readonly #errors = new ErrorRate()
  #timer: Timer | undefined

  constructor(server: WatchedServer, options: OutlierDetectorOptions) {
    this.#server = server
    this.#options = options
    this.#ejection = new Ejection(options.clock)
  }

  get isIn(): boolean {
    return this.#ejection.isIn
  }

  /** The time by the clock when the back-off ends. */
  get dueAt(): number {
    return this.#ejection.dueAt
  }

  /** The error that last ejected the server. It stays after the server is restored. */
  get lastError(): RpcxError | undefined {
    return this.#ejection.lastError
  }

  /** Returns the share of the recent calls that failed, from 0 to 1. */
  errorShare(now: number): number {
    return this.#errors.share(now, this.#replies)
  }

  /** Ejects the server because it refused, reset or lost a connection, or declined a call. */
  failed(error: RpcxError): void {
    this.#eject(error, FIRST_BACKOFF_MS)
  }

  /** Ejects the server, within the ejection limit, because it sent nothing for the whole duration of a call and may be down. */
  fellSilent(error: RpcxError): void {
    if (this.isIn && this.#server.subscribers.maySpare()) this.#eject(error, this.#asks ? 0 : JUDGED_MS)
  }

  /** Counts a failed call that reached the server. Ejects the server if its error rate is high, and higher than at the other servers. */
  misdid(error: RpcxError, isReply: boolean): void {
    const now = this.#options.clock.now()
    this.#errors.add(now, this.#replies, isReply)
    const errors = this.#errors.errors(now)
    const least = this.#ejection.isOnProbation(now) ? 1 : LEAST_ERRORS
    // Checks only when the count is a power of two, because comparing with many other servers takes long.
    if (errors < least || (errors & (errors - 1)) !== 0) return
    const share = this.errorShare(now)
    if (share < BAD_SHARE || !this.isIn || !this.#server.subscribers.maySpare()) return
    if (this.#server.subscribers.errorShareBeside(now) <= share / 2) this.#eject(error, JUDGED_MS)
  }

  /** Forgets earlier failures, because the connection is new. Probes the server if it is ejected. */
  connected(connection: ProbedConnection): void {
    this.#errors.clear(this.#options.clock.now(), 0)
    if (!this.isIn) this.#probe(connection, true)
  }

  /** Sends a heartbeat, and ejects the server if no answer arrives within `connectTimeoutMs`. */
  verify(): void {
    const { connection } = this.#server
    if (connection === undefined || !this.#asks) return
    let isAlive = false
    const judge = (): void => {
      if (!isAlive && this.#server.connection === connection) this.#eject(this.#noSign(), 0)
    }
    // `setImmediate` lets an answer that has already arrived be read first.
    const { clock, connectTimeoutMs } = this.#options
    const timer = clock.setTimeout(() => setImmediate(judge), connectTimeoutMs).unref()
    connection.ask(() => {
      isAlive = true
      clock.clear(timer)
    })
  }

  /** Schedules the next attempt to restore the server for this time by the clock. */
  wakeAt(at: number): void {
    const { clock } = this.#options
    clock.clear(this.#timer)
    this.#timer = inRoot(() => clock.setTimeout(() => this.#wake(), at - clock.now())).unref()
  }

  stop(): void {
    this.#options.clock.clear(this.#timer)
  }

  get #replies(): number {
    return this.#server.connection?.replies ?? 0
  }

  /** Whether the client sends heartbeats and health probes. */
  get #asks(): boolean {
    return this.#options.heartbeatMs > 0
  }

  #eject(error: RpcxError, firstMs: number): void {
    if (this.#server.isClosed) return
    const wasIn = this.isIn
    this.#ejection.out(error, firstMs, this.#server.subscribers.maxBackoffMs())
    this.wakeAt(this.dueAt)
    if (!wasIn) return
    this.#server.subscribers.changed()
    this.#server.subscribers.ejected(error, this.dueAt - this.#options.clock.now())
  }

  /** Connects or probes the server, because the back-off is over or was shortened. */
  #wake(): void {
    const { connection } = this.#server
    if (connection === undefined) this.#server.connect()
    else this.#probe(connection, false)
  }

  /** Sends a health probe, whose answer restores the server, so that no user's call has to test it. */
  #probe(connection: ProbedConnection, isNew: boolean): void {
    this.#options.clock.clear(this.#timer)
    if (!this.#asks) {
      this.#restore(connection)
      return
    }
    if (isNew) {
      // Only a new connection is destroyed without an answer. An older one may have pending calls; the regular heartbeat ends it.
      const { clock, connectTimeoutMs } = this.#options
      const judge = (): void => {
        if (!this.isIn && this.#server.connection === connection) connection.destroy(this.#noSign())
      }
      this.#timer = clock.setTimeout(() => setImmediate(judge), connectTimeoutMs).unref()
    }
    connection.ask(() => this.#restore(connection))
  }

  #restore(connection: ProbedConnection): void {
    if (this.#server.connection !== connection || this.#server.isClosed || this.isIn) return
    this.#options.clock.clear(this.#timer)
    this.#ejection.back()
    this.#errors.clear(this.#options.clock.now(), connection.replies)
    this.#server.subscribers.changed()
    this.#server.subscribers.restored()
    this.#server.sendParked()
  }

  #noSign(): RpcxError {
    const { address } = this.#server.endpoint
    const text = `${address}: no sign of life within ${this.#options.connectTimeoutMs} ms`
    return new RpcxError('ERR_RPCX_UNAVAILABLE', text)
  }
}

const FIRST_BACKOFF_MS = 100
// The first back-off of a server that accepts connections but fails calls.
const JUDGED_MS = 1_000
const LEAST_ERRORS = 8
const BAD_SHARE = 0.5
