import type { Metadata } from '../call-metadata.ts'
import type { Clock, Timer } from '../clock.ts'
import { MAX_TIMER_MS } from '../clock.ts'
import type { RpcxErrorCode } from '../errors.ts'
import { RpcxError } from '../errors.ts'
import type { DeclaredError } from '../service-error.ts'
import type { ReverseCallContext } from './call-context.ts'
import type { ServerConnection } from './server-connection.ts'

/** What a caller is told of a call that failed. */
export interface CallFailure {
  readonly code: RpcxErrorCode
  readonly message: string
  readonly declared: DeclaredError | undefined
}

/** The connection that a call came in on, as the call sees it. */
export interface CallHost {
  /** That of the server or the client, by which its calls expire. */
  readonly clock: Clock
  readonly remoteAddress: string
  /** Why the connection went, once it has. */
  readonly gone: Error | undefined
  /** Calls whose signal someone holds are aborted when the connection goes. */
  watch(call: AbortableCall): void
  unwatch(call: AbortableCall): void
}

/** A call that ends when its connection goes. */
export interface AbortableCall {
  abort(reason: Error): void
}

/** The connection of a server that calls come in on, as limits and the runner see it. */
export interface CallSource extends CallHost, ServerConnection {
  readonly remoteAddress: string
  /** How many of its calls run that are not done at once, and what they hold, in bytes. */
  readonly inFlight: number
  readonly heldBytes: number
  /** Whether there is room for more replies. */
  readonly isReading: boolean
  /** A call of that service was served. */
  uses(service: string): void
  /** The caller of a call is known. @throws `ERR_RPCX_NOT_EXECUTED` */
  known(call: IncomingCall): void
  /** `authenticate` takes its time over a call of so many bytes, and has settled. @throws `ERR_RPCX_NOT_EXECUTED` */
  asking(bytes: number): void
  asked(bytes: number): void
  /** Lets a call run when it is its turn, or refuses it. */
  admit(call: IncomingCall): void
  /** Runs a call, whose turn it is, or answers that it does not run. */
  run(call: IncomingCall): void
  refuse(call: IncomingCall, error: unknown): void
  /** A call has begun that is not done at once and holds so many bytes, and has ended. */
  began(bytes: number): void
  ended(bytes: number): void
  /** Says goodbye once what is queued is sent. */
  end(): void
}

/**
 * A call that came in, by whichever protocol. Limits, hooks, meters and methods see nothing else of it. All that a method may never look at
 * is made when it is looked at.
 */
export abstract class IncomingCall<Source extends CallHost = CallSource> implements ReverseCallContext {
  readonly source: Source
  /** When it came, by the clock of `source`. */
  readonly receivedAt: number
  /** Whether `authenticate` has let it through, after a while. */
  isKnown = false
  /** What most calls end without: one field for all of it, since every call has to be filled in. */
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
  /** Whether its caller waits for no answer. */
  abstract readonly isOneway: boolean
  /** What it takes as it came, in bytes, and its arguments alone. */
  abstract readonly byteLength: number
  abstract readonly argumentBytes: number
  /** Whether nothing can be made of what came, so that its connection ends without an answer. */
  abstract readonly isBroken: boolean

  /** The value of one ASCII key of the metadata, without reading the others. */
  abstract metadataValue(key: string): string | undefined

  /** When its caller stops waiting, by the clock of `source`; `undefined` when it waits for ever. */
  protected abstract expiry(): number | undefined

  /** Decodes the arguments. @throws RpcxError with which the call is refused */
  abstract args(type: unknown): unknown

  /** It is not done at once: keeps its arguments. Returns what it holds, in bytes, until `release`. */
  abstract hold(): number

  /** Returns what it held, in bytes. */
  abstract release(): number

  /** Sends a reply and returns its length in bytes. @throws RpcxError with which the call fails instead */
  abstract answer(reply: unknown, type: unknown, metadata: Metadata): number

  /** Says that the call failed. */
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

  /** The metadata for the reply, when the method set any. */
  get replyMetadata(): Metadata | undefined {
    return this.#extras?.responseMetadata
  }

  abort(reason: Error): void {
    this.#extras?.abort?.abort(reason)
    this.end()
  }

  /** The method has settled: nothing of the call stays behind. */
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
    // Go's words, which its callers may compare with.
    const expire = (): void => this.abort(new RpcxError('ERR_RPCX_TIMEOUT', 'context deadline exceeded'))
    if (remainingMs <= 0) expire()
    else if (remainingMs <= MAX_TIMER_MS) {
      extras.timer = this.source.clock.setTimeout(expire, remainingMs)
      extras.timer.unref()
    }
  }
}

/** What of a call is made when somebody looks at it. */
class Extras {
  /** By the clock; `null` before anybody has asked. */
  expiresAt: number | undefined | null = null
  deadline: number | undefined = undefined
  responseMetadata: Record<string, string> | undefined = undefined
  abort: AbortController | undefined = undefined
  timer: Timer | undefined = undefined
}
