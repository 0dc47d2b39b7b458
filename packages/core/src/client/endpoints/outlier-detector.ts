import { RpcxError } from '../../errors.ts'
import { inRoot } from '../../root.ts'
import type { Connection } from '../connection/connection.ts'
import type { SharedConnection } from '../connection/shared-connection.ts'
import { Ejection } from './ejection.ts'
import { ErrorRate } from './error-rate.ts'

export interface OutlierDetectorOptions {
  readonly connectTimeoutMs: number
  /** 0: servers are asked for no signs of life. */
  readonly heartbeatMs: number
}

/** Whether a server is in service. Takes it out for its faults, and brings it back once it has answered a probe. */
export class OutlierDetector {
  readonly #link: SharedConnection
  readonly #options: OutlierDetectorOptions
  readonly #ejection = new Ejection()
  readonly #errors = new ErrorRate()
  #timer: NodeJS.Timeout | undefined

  constructor(link: SharedConnection, options: OutlierDetectorOptions) {
    this.#link = link
    this.#options = options
  }

  get isIn(): boolean {
    return this.#ejection.isIn
  }

  /** When it may be tried again, by `performance.now()`. */
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
    if (this.isIn && this.#link.subscribers.maySpare()) this.#eject(error, this.#asks ? 0 : JUDGED_MS)
  }

  /** A call failed that reached it: too many of these, and more than elsewhere, take it out of service. */
  misdid(error: RpcxError, isReply: boolean): void {
    const now = performance.now()
    this.#errors.add(now, this.#replies, isReply)
    const errors = this.#errors.errors(now)
    const least = this.#ejection.isOnProbation(now) ? 1 : LEAST_ERRORS
    // Not after each of them: the others are many.
    if (errors < least || (errors & (errors - 1)) !== 0) return
    const share = this.errorShare(now)
    if (share < BAD_SHARE || !this.isIn || !this.#link.subscribers.maySpare()) return
    if (this.#link.subscribers.errorShareBeside(now) <= share / 2) this.#eject(error, JUDGED_MS)
  }

  /** A new connection: what was before no longer counts. */
  connected(connection: Connection): void {
    this.#errors.clear(performance.now(), 0)
    if (!this.isIn) this.#probe(connection, true)
  }

  /** Asks for a sign of life; without one it is out of service. */
  verify(): void {
    const { connection } = this.#link
    if (connection === undefined || !this.#asks) return
    let isAlive = false
    const judge = (): void => {
      if (!isAlive && this.#link.connection === connection) this.#eject(this.#noSign(), 0)
    }
    // What can be read by then is read before.
    const timer = setTimeout(() => setImmediate(judge), this.#options.connectTimeoutMs).unref()
    connection.ask(() => {
      isAlive = true
      clearTimeout(timer)
    })
  }

  /** Tries it again at that time, by `performance.now()`. */
  wakeAt(at: number): void {
    clearTimeout(this.#timer)
    this.#timer = inRoot(() => setTimeout(() => this.#wake(), at - performance.now())).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  get #replies(): number {
    return this.#link.connection?.replies ?? 0
  }

  /** Whether servers are asked for signs of life at all. */
  get #asks(): boolean {
    return this.#options.heartbeatMs > 0
  }

  #eject(error: RpcxError, firstMs: number): void {
    if (this.#link.isClosed) return
    const wasIn = this.isIn
    this.#ejection.out(error, firstMs, this.#link.subscribers.maxBackoffMs())
    this.wakeAt(this.dueAt)
    if (!wasIn) return
    this.#link.subscribers.changed()
    this.#link.subscribers.ejected(error, this.dueAt - performance.now())
  }

  /** The back-off is over, or was cut short. */
  #wake(): void {
    const { connection } = this.#link
    if (connection === undefined) this.#link.connect()
    else this.#probe(connection, false)
  }

  /** It comes back by a sign of life, not by a user's call. */
  #probe(connection: Connection, isNew: boolean): void {
    clearTimeout(this.#timer)
    if (!this.#asks) {
      this.#restore(connection)
      return
    }
    if (isNew) {
      // One that was there before may owe replies; its own heartbeat ends it.
      const { connectTimeoutMs } = this.#options
      const judge = (): void => {
        if (!this.isIn && this.#link.connection === connection) connection.destroy(this.#noSign())
      }
      this.#timer = setTimeout(() => setImmediate(judge), connectTimeoutMs).unref()
    }
    connection.ask(() => this.#restore(connection))
  }

  #restore(connection: Connection): void {
    if (this.#link.connection !== connection || this.#link.isClosed || this.isIn) return
    clearTimeout(this.#timer)
    this.#ejection.back()
    this.#errors.clear(performance.now(), connection.replies)
    this.#link.subscribers.changed()
    this.#link.subscribers.restored()
    this.#link.sendParked()
  }

  #noSign(): RpcxError {
    const { address } = this.#link.endpoint
    const text = `${address}: no sign of life within ${this.#options.connectTimeoutMs} ms`
    return new RpcxError('ERR_RPCX_UNAVAILABLE', text)
  }
}

const FIRST_BACKOFF_MS = 100
// Of a server that answers, only badly.
const JUDGED_MS = 1_000
const LEAST_ERRORS = 8
const BAD_SHARE = 0.5
