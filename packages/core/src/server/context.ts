import type { PeerCertificate } from 'node:tls'
import { RpcxError } from '../errors.ts'
import { ReservedKey } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import type { Metadata } from '../wire/pairs.ts'
import { deadlineOf } from './deadline.ts'
import type { MethodMeter } from './method-meter.ts'
import type { PushMessage } from './push.ts'
import type { ReverseCallOptions } from './reverse-calls.ts'

/** The connection that a call came in on. */
export interface ServerConnection {
  /** `tcp@127.0.0.1:53412` */
  readonly remoteAddress: string
  /** The certificate that the client showed and that was accepted; `undefined` without one. */
  readonly peerCertificate: PeerCertificate | undefined
  /**
   * Sends the client a message that it did not ask for. Returns whether it was queued: not when the connection is gone or its
   * client does not read.
   */
  push(message: PushMessage): boolean
  /**
   * Calls a function that the client offers over this connection; only clients of this package do.
   * @throws `ERR_RPCX_UNAVAILABLE` when it offers none, is gone or does not read; otherwise as a client's call
   */
  call(method: string, args?: unknown, options?: ReverseCallOptions): Promise<unknown>
  /** Closes the connection at once; its calls are aborted. */
  close(): void
}

/** What a method knows of the call that it serves, beside its arguments. */
export interface CallContext {
  readonly service: string
  readonly method: string
  /** What the caller says to prove who it is (`__AUTH`); empty when it says nothing. */
  readonly token: string
  /** What the caller sent beside the arguments. */
  readonly metadata: Metadata
  /** Set keys to send them beside the reply. */
  readonly responseMetadata: Record<string, string>
  /** Aborts at the deadline and when the connection goes. */
  readonly signal: AbortSignal
  /** When the caller stops waiting, in milliseconds since the epoch; `undefined` when it waits for ever. */
  readonly deadline: number | undefined
  /** How long the caller still waits, in milliseconds, however the clock is set meanwhile; `undefined` when it waits for ever. */
  readonly remainingMs: number | undefined
  readonly remoteAddress: string
  readonly connection: ServerConnection
}

/** Where a call came from: what its context is made of. */
export interface CallOrigin extends ServerConnection {
  /** When its newest bytes came, by `performance.now()`. */
  readonly lastReadAt: number
  /** Calls whose signal someone holds are aborted when the connection goes. */
  watch(call: ServedCall): void
  unwatch(call: ServedCall): void
  /** Why the connection went, once it has. */
  readonly gone: Error | undefined
  /** A call of that service was served. */
  uses(service: string): void
  /** The caller of a call is known. @throws `ERR_RPCX_NOT_EXECUTED` */
  known(call: ServedCall): void
  /** `authenticate` takes its time over a call of so many bytes, and has settled. @throws `ERR_RPCX_NOT_EXECUTED` */
  asking(bytes: number): void
  asked(bytes: number): void
  /** Lets a call run when it is its turn, or refuses it. */
  admit(call: ServedCall): void
  /** A call has begun that is not done at once and holds so many bytes, and has ended. */
  began(bytes: number): void
  ended(bytes: number): void
  /** Returns `false` when the payload is not sent because too much waits for the client to read it. */
  reply(request: Message, status: number, metadata: Metadata, payload: Uint8Array): boolean
  /** Says goodbye once what is queued is sent. */
  end(): void
  /** Nothing that comes is of use any more. */
  broken(error: Error): void
}

/** A call that a session serves. All that a method may never look at is made when it is looked at. */
export class ServedCall implements CallContext {
  readonly message: Message
  readonly origin: CallOrigin
  /** By `performance.now()`. */
  readonly receivedAt: number
  /** What its method counts; `undefined` before it is found. */
  meter: MethodMeter | undefined = undefined
  /** Whether `authenticate` has let it through, after a while. */
  isKnown = false
  /** By `performance.now()`; `null` before anybody has asked. */
  #expiresAt: number | undefined | null = null
  #deadline: number | undefined
  #responseMetadata: Record<string, string> | undefined
  #abort: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #hasEnded = false

  constructor(message: Message, origin: CallOrigin) {
    this.message = message
    this.origin = origin
    this.receivedAt = origin.lastReadAt
  }

  get service(): string {
    return this.message.service
  }
  get method(): string {
    return this.message.method
  }
  get deadline(): number | undefined {
    const { remainingMs } = this
    if (remainingMs !== undefined) this.#deadline ??= Date.now() + remainingMs
    return this.#deadline
  }

  get remainingMs(): number | undefined {
    if (this.#expiresAt === null)
      this.#expiresAt = deadlineOf(this.message.metadataValue(ReservedKey.timeout), this.receivedAt)
    return this.#expiresAt === undefined ? undefined : this.#expiresAt - performance.now()
  }

  get token(): string {
    return this.message.metadataValue(ReservedKey.auth) ?? ''
  }
  get metadata(): Metadata {
    return this.message.metadata
  }
  get responseMetadata(): Record<string, string> {
    this.#responseMetadata ??= Object.create(null) as Record<string, string>
    return this.#responseMetadata
  }
  get remoteAddress(): string {
    return this.origin.remoteAddress
  }
  get connection(): ServerConnection {
    return this.origin
  }
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.origin.gone !== undefined) this.#abort.abort(this.origin.gone)
      else if (!this.#hasEnded) this.#watch()
    }
    return this.#abort.signal
  }

  /** The metadata for the reply, when the method set any. */
  get reply(): Metadata | undefined {
    return this.#responseMetadata
  }

  abort(reason: Error): void {
    this.#abort?.abort(reason)
    this.end()
  }

  /** The method has settled: nothing of the call stays behind. */
  end(): void {
    this.#hasEnded = true
    if (this.#abort === undefined) return
    clearTimeout(this.#timer)
    this.origin.unwatch(this)
  }

  #watch(): void {
    this.origin.watch(this)
    const { remainingMs } = this
    if (remainingMs !== undefined) this.#startTimer(remainingMs)
  }

  #startTimer(ms: number): void {
    // Go's words, which its callers may compare with.
    const expire = (): void => this.abort(new RpcxError('ERR_RPCX_TIMEOUT', 'context deadline exceeded'))
    if (ms <= 0) expire()
    else if (ms <= MAX_TIMER_MS) this.#timer = setTimeout(expire, ms).unref()
  }
}

// Beyond this, Node's timers fire at once; nobody waits for a call of 24 days.
const MAX_TIMER_MS = 2 ** 31 - 1
