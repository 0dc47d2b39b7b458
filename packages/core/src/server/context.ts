import { RpcxError } from '../errors.ts'
import { ReservedKey } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import type { Metadata } from '../wire/pairs.ts'
import { deadlineOf } from './deadline.ts'

/** The connection that a call came in on. */
export interface ServerConnection {
  /** `tcp@127.0.0.1:53412` */
  readonly remoteAddress: string
  /** Closes the connection at once; its calls are aborted. */
  close(): void
}

/** What a method knows of the call that it serves, beside its arguments. */
export interface CallContext {
  readonly service: string
  readonly method: string
  /** What the caller sent beside the arguments. */
  readonly metadata: Metadata
  /** Set keys to send them beside the reply. */
  readonly responseMetadata: Record<string, string>
  /** Aborts at the deadline and when the connection goes. */
  readonly signal: AbortSignal
  /** When the caller stops waiting, in milliseconds since the epoch; `undefined` when it waits for ever. */
  readonly deadline: number | undefined
  readonly remoteAddress: string
  readonly connection: ServerConnection
}

/** Where a call came from: what its context is made of. */
export interface CallOrigin extends ServerConnection {
  /** When its newest bytes came, by `performance.now()`. */
  readonly lastReadAt: number
  /** Contexts whose signal someone holds; aborted when the connection goes. */
  readonly watched: Set<ServedCall>
  /** Why the connection went, once it has. */
  readonly gone: Error | undefined
}

/** A call that a session serves. All that a method may never look at is made when it is looked at. */
export class ServedCall implements CallContext {
  readonly #message: Message
  readonly #origin: CallOrigin
  /** By `performance.now()`. */
  readonly #receivedAt: number
  #deadline: number | undefined | null = null
  #responseMetadata: Record<string, string> | undefined
  #abort: AbortController | undefined
  #timer: NodeJS.Timeout | undefined
  #hasEnded = false

  constructor(message: Message, origin: CallOrigin) {
    this.#message = message
    this.#origin = origin
    this.#receivedAt = origin.lastReadAt
  }

  get service(): string {
    return this.#message.service
  }
  get method(): string {
    return this.#message.method
  }
  get deadline(): number | undefined {
    if (this.#deadline === null) {
      const sinceMs = performance.now() - this.#receivedAt
      this.#deadline = deadlineOf(this.#message.metadataValue(ReservedKey.timeout), Date.now() - sinceMs)
    }
    return this.#deadline
  }

  get metadata(): Metadata {
    return this.#message.metadata
  }
  get responseMetadata(): Record<string, string> {
    this.#responseMetadata ??= Object.create(null) as Record<string, string>
    return this.#responseMetadata
  }
  get remoteAddress(): string {
    return this.#origin.remoteAddress
  }
  get connection(): ServerConnection {
    return this.#origin
  }
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#origin.gone !== undefined) this.#abort.abort(this.#origin.gone)
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
    this.#origin.watched.delete(this)
  }

  #watch(): void {
    this.#origin.watched.add(this)
    if (this.deadline !== undefined) this.#startTimer(this.deadline - Date.now())
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
