import type { Metadata } from '../call-metadata.ts'
import type { Clock, Timer } from '../clock.ts'
import { MAX_TIMER_MS } from '../clock.ts'
import type { RpcxErrorCode } from '../errors.ts'
import { RpcxError } from '../errors.ts'
import type { DeclaredError } from '../service-error.ts'
import type { ReverseCallContext } from './call-context.ts'
import type { ServerConnection } from './server-connection.ts'

/** The error of a failed call, as its caller receives it. */
export interface CallFailure {
  readonly code: RpcxErrorCode
  readonly message: string
  readonly declared: DeclaredError | undefined
}

/** The connection of an incoming call, as the call sees it. */
export interface CallHost {
  /** The clock of the server or client, by which its calls expire. */
  readonly clock: Clock
  readonly remoteAddress: string
  /** The reason why the connection closed; `undefined` while it is open. */
  readonly gone: Error | undefined
  /** Aborts a call when the connection closes. Called once the method reads `signal`. */
  watch(call: AbortableCall): void
  unwatch(call: AbortableCall): void
}

/** A call that is aborted when its connection closes. */
export interface AbortableCall {
  abort(reason: Error): void
}

/** The connection of an incoming call, as limits and the runner of a server see it. */
export interface CallSource extends CallHost, ServerConnection {
  /** The number of asynchronous calls of this connection that run, and the memory that they hold in bytes. */
  readonly inFlight: number
  readonly heldBytes: number
  /** Whether the client may get more replies. */
  readonly isReading: boolean
  /** Notes that a method of `service` was called. */
  uses(service: string): void
  /** Notes that the caller of a call is authenticated. @throws `ERR_RPCX_NOT_EXECUTED` */
  known(call: IncomingCall): void
  /** Counts a call of this size for which `authenticate` is pending; `asked` ends that. @throws `ERR_RPCX_NOT_EXECUTED` */
  asking(bytes: number): void
  asked(bytes: number): void
  /** Runs a call when the limits allow it, or refuses it. */
  admit(call: IncomingCall): void
  /** Runs a call now; `refuse` answers it with an error instead. */
  run(call: IncomingCall): void
  refuse(call: IncomingCall, error: unknown): void
  /** Counts an asynchronous call that holds this many bytes; `ended` ends that. */
  began(bytes: number): void
  ended(bytes: number): void
  /** Closes the connection after all queued data is sent. */
  end(): void
}

/**
 * An incoming call of any protocol, as limits, hooks, meters and methods see it. Values that a method may not need are created on first
 * use.
 */
export abstract class IncomingCall<Source extends CallHost = CallSource> implements ReverseCallContext {
  readonly source: Source
  /** The time of arrival, by the clock of `source`. */
  readonly receivedAt: number
  /** Whether a promise of `authenticate` has accepted the call. */
  isKnown = false
  /** Values that most calls do not need. One field for all of them keeps calls small. */
  #extras: Extras | undefined
  #hasEnded = false

  constructor(source: Source, receivedAt: number) {
    this.source = source
    this.receivedAt = receivedAt
  }

  abstract readonly service: string
  abstract readonly method: string
  abstract readonly token: string
  abstract readonly metadata: Metadata
  /** Whether the caller expects no reply. */
  abstract readonly isOneway: boolean
  /** The size of the whole call as it arrived, in bytes, and the size of its arguments. */
  abstract readonly byteLength: number
  abstract readonly argumentBytes: number
  /** Whether the call is unreadable, so that its connection closes without a reply. */
  abstract readonly isBroken: boolean

  /** Returns the value of one ASCII key of the metadata, without reading the others. */
  abstract metadataValue(key: string): string | undefined

  /** Returns the time at which the caller stops waiting, by the clock of `source`; `undefined` without a deadline. */
  protected abstract expiry(): number | undefined

  /** Decodes the arguments. @throws RpcxError that refuses the call */
  abstract args(type: unknown): unknown

  /** Keeps the arguments of an asynchronous call until `release`. Returns the memory that they hold, in bytes. */
  abstract hold(): number

  /** Releases the arguments. Returns the memory that they held, in bytes. */
  abstract release(): number

  /** Sends a reply and returns its length in bytes. @throws RpcxError with which the call then fails */
  abstract answer(reply: unknown, type: unknown, metadata: Metadata): number

  /** Sends an error as the reply. */
  abstract fail(failure: CallFailure, metadata: Metadata): void

  get deadline(): number | undefined {
    const { remainingMs } = this
    if (remainingMs === undefined) return undefined
    const extras = this.#more()
    extras.deadline ??= this.source.clock.wallTime() + remainingMs
    return extras.deadline
  }

  get remainingMs(): number | undefined {
    const extras = this.#more()
    if (extras.expiresAt === null) extras.expiresAt = this.expiry()
    return extras.expiresAt === undefined ? undefined : extras.expiresAt - this.source.clock.now()
  }

  get responseMetadata(): Record<string, string> {
    const extras = this.#more()
    extras.responseMetadata ??= Object.create(null) as Record<string, string>
    return extras.responseMetadata
  }

  get remoteAddress(): string {
    return this.source.remoteAddress
  }

  get connection(): Source {
    return this.source
  }

  get signal(): AbortSignal {
    const extras = this.#more()
    if (extras.abort === undefined) {
      extras.abort = new AbortController()
      if (this.source.gone !== undefined) extras.abort.abort(this.source.gone)
      else if (!this.#hasEnded) this.#watch(extras)
    }
    return extras.abort.signal
  }

  /** The metadata for the reply; `undefined` when the method set none. */
  get replyMetadata(): Metadata | undefined {
    return this.#extras?.responseMetadata
  }

  abort(reason: Error): void {
    this.#extras?.abort?.abort(reason)
    this.end()
  }

  /** Ends the call once its method has settled: stops its timer and no longer waits for the connection to close. */
  end(): void {
    this.#hasEnded = true
    const extras = this.#extras
    if (extras?.abort === undefined) return
    this.source.clock.clear(extras.timer)
    this.source.unwatch(this)
  }

  #more(): Extras {
    this.#extras ??= new Extras()
    return this.#extras
  }

  #watch(extras: Extras): void {
    this.source.watch(this)
    const { remainingMs } = this
    if (remainingMs === undefined) return
    // Go's message, which its callers may compare with.
    const expire = (): void => this.abort(new RpcxError('ERR_RPCX_TIMEOUT', 'context deadline exceeded'))
    if (remainingMs <= 0) expire()
    else if (remainingMs <= MAX_TIMER_MS) {
      extras.timer = this.source.clock.setTimeout(expire, remainingMs).unref()
    }
  }
}

/** The values of a call that are created on first use. */
class Extras {
  /** The deadline, by the clock; `null` until it is read. */
  expiresAt: number | undefined | null = null
  deadline: number | undefined = undefined
  responseMetadata: Record<string, string> | undefined = undefined
  abort: AbortController | undefined = undefined
  timer: Timer | undefined = undefined
}
