import type { Clock, Timer } from '../../clock.ts'
import type { Endpoint } from '../../discovery/discovery.ts'
import { RpcxError } from '../../errors.ts'
import { inRoot } from '../../root.ts'
import { Ejection } from './ejection.ts'
import { ErrorRate } from './error-rate.ts'

/** What is asked for signs of life. */
export interface ProbedConnection {
  /** How many replies came, those of failed calls included. */
  readonly replies: number
  /** Asks for a sign of life, and tells when it comes. */
  ask(onAlive: () => void): void
  /** Cuts the server off now. */
  destroy(error: Error): void
}

/** The server that is watched. */
export interface WatchedServer {
  readonly endpoint: Endpoint
  readonly connection: ProbedConnection | undefined
  /** Whether nobody uses it any more. */
  readonly isClosed: boolean
  /** The services that are called there, as one. */
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
  /** 0: servers are asked for no signs of life. */
  readonly heartbeatMs: number
}

/** Whether a server is in service. Takes it out for its faults, and brings it back once it has answered a probe. */
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

  /** When it may be tried again, by the clock. */
  get dueAt(): number {
    return this.#ejection.dueAt
  }

  /** What took it out last, also when it has come back. */
  get lastError(): RpcxError | undefined {
    return this.#ejection.lastError
  }

  /** The share of its newest calls that failed, from 0 to 1. */
  errorShare(now: number): number {
    return this.#errors.share(now, this.#replies)
  }

  /** It refused, reset or lost a connection, or a call. */
  failed(error: RpcxError): void {
    this.#eject(error, FIRST_BACKOFF_MS)
  }

  /** Nothing at all came from it for as long as a call lasted. Nobody may be there any more. */
  fellSilent(error: RpcxError): void {
    if (this.isIn && this.#server.subscribers.maySpare()) this.#eject(error, this.#asks ? 0 : JUDGED_MS)
  }

  /** A call failed that reached it: too many of these, and more than elsewhere, take it out of service. */
  misdid(error: RpcxError, isReply: boolean): void {
    const now = this.#options.clock.now()
    this.#errors.add(now, this.#replies, isReply)
    const errors = this.#errors.errors(now)
    const least = this.#ejection.isOnProbation(now) ? 1 : LEAST_ERRORS
    // Not after each of them: the others are many.
    if (errors < least || (errors & (errors - 1)) !== 0) return
    const share = this.errorShare(now)
    if (share < BAD_SHARE || !this.isIn || !this.#server.subscribers.maySpare()) return
    if (this.#server.subscribers.errorShareBeside(now) <= share / 2) this.#eject(error, JUDGED_MS)
  }

  /** A new connection: what was before no longer counts. */
  connected(connection: ProbedConnection): void {
    this.#errors.clear(this.#options.clock.now(), 0)
    if (!this.isIn) this.#probe(connection, true)
  }

  /** Asks for a sign of life; without one it is out of service. */
  verify(): void {
    const { connection } = this.#server
    if (connection === undefined || !this.#asks) return
    let isAlive = false
    const judge = (): void => {
      if (!isAlive && this.#server.connection === connection) this.#eject(this.#noSign(), 0)
    }
    // What can be read by then is read before.
    const { clock, connectTimeoutMs } = this.#options
    const timer = clock.setTimeout(() => setImmediate(judge), connectTimeoutMs)
    timer.unref()
    connection.ask(() => {
      isAlive = true
      clock.clear(timer)
    })
  }

  /** Tries it again at that time, by the clock. */
  wakeAt(at: number): void {
    const { clock } = this.#options
    clock.clear(this.#timer)
    this.#timer = inRoot(() => clock.setTimeout(() => this.#wake(), at - clock.now()))
    this.#timer.unref()
  }

  stop(): void {
    this.#options.clock.clear(this.#timer)
  }

  get #replies(): number {
    return this.#server.connection?.replies ?? 0
  }

  /** Whether servers are asked for signs of life at all. */
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

  /** The back-off is over, or was cut short. */
  #wake(): void {
    const { connection } = this.#server
    if (connection === undefined) this.#server.connect()
    else this.#probe(connection, false)
  }

  /** It comes back by a sign of life, not by a user's call. */
  #probe(connection: ProbedConnection, isNew: boolean): void {
    this.#options.clock.clear(this.#timer)
    if (!this.#asks) {
      this.#restore(connection)
      return
    }
    if (isNew) {
      // One that was there before may owe replies; its own heartbeat ends it.
      const { clock, connectTimeoutMs } = this.#options
      const judge = (): void => {
        if (!this.isIn && this.#server.connection === connection) connection.destroy(this.#noSign())
      }
      this.#timer = clock.setTimeout(() => setImmediate(judge), connectTimeoutMs)
      this.#timer.unref()
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
// Of a server that answers, only badly.
const JUDGED_MS = 1_000
const LEAST_ERRORS = 8
const BAD_SHARE = 0.5
