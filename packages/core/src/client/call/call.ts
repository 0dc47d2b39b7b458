import type { Metadata } from '../../call-metadata.ts'
import type { FailedAttempt, RpcxError } from '../../errors.ts'
import type { CallHolder, PendingCall } from '../../peer/pending-call.ts'
import { endWith } from '../../signals.ts'
import type { Candidate } from '../select/selector.ts'
import type { Invocation } from './invocation.ts'
import type { MethodCodec } from './method-codec.ts'

/** Decides whether a call that got no reply is sent again or fails. */
export interface CallOwner {
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** Called when a call comes back unsent; this does not count as an attempt. */
  returned(call: Call): void
}

/** The server that a call goes to, as the call sees it. */
export interface CallTarget extends Candidate {
  readonly owner: CallOwner
  /** The error that last ejected the server. */
  readonly lastError: RpcxError | undefined
  /** Called when a call to this server passed its deadline. */
  timedOut(call: Call, error: RpcxError): void
}

/** The tick in which some calls start. They share one reading of the clock, at the end of the tick. */
export interface Tick {
  /** The time by the clock when the tick ended; `Infinity` before that. */
  at: number
  readonly deadlines: { ended(): void }
}

/** What the call resolves to: the reply, an `Invocation`, or nothing for a one-way call. */
export type Wanted = 'reply' | 'invocation' | 'nothing'

/** One call from its start to its end, over all attempts. It ends once; its holder then forgets it. */
export class Call implements PendingCall {
  /** The codec of its service. It also identifies the client that the call belongs to. */
  readonly methodCodec: MethodCodec
  readonly method: string
  readonly args: unknown
  readonly wanted: Wanted
  metadata: Metadata
  /** Whether repeating the call does no harm, even after an attempt that may have run. */
  readonly isIdempotent: boolean
  /** The maximum duration over all attempts, in milliseconds; `Infinity` for no limit. */
  readonly timeoutMs: number
  attempts = 0
  /** Whether `server` is the only server that may receive the call. */
  isPinned = false
  /** The server of the newest attempt. */
  server: CallTarget | undefined = undefined
  /** The queue or connection in which the call waits. */
  holder: CallHolder | undefined = undefined
  /** The failed attempts so far, in order. */
  failures: FailedAttempt[] | undefined = undefined
  /** The address of the first server on which a failed attempt may have run. */
  mayHaveRunAt: string | undefined = undefined
  /** The sequence number of the call on the connection. */
  seq = 0
  /** The number of its message in the stream. */
  message = 0
  /** A copy of the encoded arguments; set when the call has to wait or may be sent again. */
  encoded: Uint8Array | undefined = undefined
  /** The promise that the caller gets. */
  readonly result: Promise<unknown>
  /**
   * Resolves `result`, or rejects it when given a rejected promise; `undefined` once the call has ended. The garbage collector copies what
   * a pending call holds. Therefore a call has no second function to reject with, and no deadline of its own.
   */
  #resolve: Resolve | undefined
  /** The tick in which the call started. */
  readonly #tick: Tick
  /** Stops listening to its signals. */
  #release: (() => void) | undefined = undefined

  constructor(
    methodCodec: MethodCodec,
    method: string,
    args: unknown,
    wanted: Wanted,
    metadata: Metadata,
    isIdempotent: boolean,
    timeoutMs: number,
    tick: Tick,
  ) {
    this.methodCodec = methodCodec
    this.method = method
    this.args = args
    this.wanted = wanted
    this.metadata = metadata
    this.isIdempotent = isIdempotent
    this.timeoutMs = timeoutMs
    this.#tick = tick
    this.result = new Promise(resolve => {
      this.#resolve = resolve
    })
  }

  get service(): string {
    return this.methodCodec.service
  }

  get name(): string {
    return `${this.service}.${this.method}`
  }

  get isOneway(): boolean {
    return this.wanted === 'nothing'
  }

  get wantsMetadata(): boolean {
    return this.wanted === 'invocation'
  }

  get serialize(): number {
    return this.methodCodec.codec.id
  }

  /** The deadline by the clock; `Infinity` without a limit, and until the tick ends in which the call starts. */
  get deadline(): number {
    return this.#tick.at + this.timeoutMs
  }

  /** Ends the call when one of the signals aborts. */
  endWith(first: AbortSignal | undefined, second: AbortSignal | undefined): void {
    const releaseFirst = first && endWith(this, first)
    const releaseSecond = second && endWith(this, second)
    this.#release = () => {
      releaseFirst?.()
      releaseSecond?.()
    }
  }

  /** Returns the encoded arguments, valid until the codec encodes another value. @throws RpcxError `ERR_RPCX_ARGUMENT` */
  payload(): Uint8Array {
    if (this.encoded !== undefined) return this.encoded
    const payload = this.methodCodec.encode(this.method, this.args)
    if (this.methodCodec.repeats) this.encoded = this.methodCodec.keep(payload)
    return payload
  }

  zips(payload: Uint8Array): boolean {
    return this.methodCodec.zips(payload)
  }

  decode(serialize: number, payload: Uint8Array): unknown {
    return this.methodCodec.decode(this.method, serialize, payload)
  }

  /**
   * Keeps a copy of the encoded arguments, so that the caller may change them while the call waits. Returns whether they could be encoded;
   * if not, the call has failed.
   */
  keepArguments(): boolean {
    if (this.encoded !== undefined) return true
    try {
      this.encoded = this.methodCodec.keep(this.methodCodec.encode(this.method, this.args))
      return true
    } catch (error) {
      this.fail(error)
      return false
    }
  }

  get lastError(): RpcxError | undefined {
    return this.failures?.at(-1)?.error
  }

  /** Records that the newest attempt failed. */
  missed(error: RpcxError, mayHaveRun: boolean): void {
    this.failures ??= []
    const endpoint = this.server?.endpoint.address ?? ''
    this.failures.push({ endpoint, error })
    if (mayHaveRun) this.mayHaveRunAt ??= endpoint
  }

  /** Returns whether an attempt failed on that server. */
  wasAt({ endpoint }: Candidate): boolean {
    return this.failures?.some(failure => failure.endpoint === endpoint.address) ?? false
  }

  /** Makes this call, a copy of `other`, go to a different server. */
  avoid(other: Call): void {
    this.server = other.server
    this.attempts = other.attempts
  }

  succeed(reply: unknown, metadata: Metadata): void {
    const resolve = this.#end()
    if (resolve === undefined) return
    if (this.wanted !== 'invocation') {
      resolve(reply)
      return
    }
    const endpoint = this.server?.endpoint.address ?? ''
    const invocation: Invocation<unknown> = { reply, metadata, endpoint, attempts: this.attempts }
    resolve(invocation)
  }

  fail(error: unknown): void {
    this.#end()?.(Promise.reject(error))
  }

  /** Ends the call. Returns the function that resolves it; `undefined` when it has ended before. */
  #end(): Resolve | undefined {
    const resolve = this.#resolve
    if (resolve === undefined) return undefined
    this.#resolve = undefined
    this.#tick.deadlines.ended()
    this.holder?.forget(this)
    this.holder = undefined
    this.#release?.()
    return resolve
  }
}

type Resolve = (value: unknown) => void
