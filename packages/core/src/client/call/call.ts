import type { Metadata } from '../../call-metadata.ts'
import type { FailedAttempt, RpcxError } from '../../errors.ts'
import type { CallHolder, PendingCall } from '../../peer/pending-call.ts'
import { endWith } from '../../signals.ts'
import type { Candidate } from '../select/selector.ts'
import type { Invocation } from './invocation.ts'
import type { MethodCodec } from './method-codec.ts'

/** Who decides what becomes of a call that did not get its reply. */
export interface CallOwner {
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** It could not be sent, which was not tried. */
  returned(call: Call): void
}

/** The server that a call goes to, as far as calls are concerned. */
export interface CallTarget extends Candidate {
  readonly owner: CallOwner
  /** What ejected it last. */
  readonly lastError: RpcxError | undefined
  /** A call ended there at its deadline. */
  timedOut(call: Call, error: RpcxError): void
}

/** The tick in which some calls start: one reading of the clock at its end serves them all. */
export interface Tick {
  /** When it ended, by the clock; `Infinity` before that. */
  at: number
  readonly deadlines: { ended(): void }
}

/** What the caller is given: the reply, all that is known, or nothing, since a one-way call is never answered. */
export type Wanted = 'reply' | 'invocation' | 'nothing'

/** One call from its start to its end, over all attempts. It ends once, and then nothing holds it. */
export class Call implements PendingCall {
  /** Those of its service. */
  readonly methodCodec: MethodCodec
  readonly method: string
  readonly args: unknown
  readonly wanted: Wanted
  metadata: Metadata
  /** Whether repeating it does no harm, even if it may have run already. */
  readonly isIdempotent: boolean
  /** How long it may take in all; `Infinity` without an end. */
  readonly timeoutMs: number
  attempts = 0
  /** Whether `handle` is the only server that it may go to. */
  isPinned = false
  /** The server of the newest attempt. */
  server: CallTarget | undefined = undefined
  /** What it waits in. */
  holder: CallHolder | undefined = undefined
  /** What went wrong so far, in order. */
  failures: FailedAttempt[] | undefined = undefined
  /** The server at which an attempt that failed may have run. */
  mayHaveRunAt: string | undefined = undefined
  /** Its number on the connection, and the number of its message in the stream. */
  seq = 0
  message = 0
  /** Its arguments as they were when it was made, once it had to wait or may be sent again. */
  encoded: Uint8Array | undefined = undefined
  /** What the caller is given. */
  readonly result: Promise<unknown>
  /**
   * Resolves `result`, or rejects it when given a promise that is rejected; gone once the call has ended. What a call under way holds is
   * copied when young memory is collected: a second function to reject with, and a deadline of its own, took a tenth with 10 000 calls.
   */
  #resolve: Resolve | undefined
  /** In which it started. */
  readonly #tick: Tick
  /** Stops listening to its signal. */
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

  /** By the clock; `Infinity` in the tick in which it starts, and when there is none. */
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

  /** Its arguments in bytes, valid until anything else is encoded. @throws RpcxError `ERR_RPCX_ARGUMENT` */
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

  /** It has to wait: what its user does with the arguments meanwhile is no concern of it. Returns whether they can be encoded. */
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

  /** The newest attempt failed. */
  missed(error: RpcxError, mayHaveRun: boolean): void {
    this.failures ??= []
    const endpoint = this.server?.endpoint.address ?? ''
    this.failures.push({ endpoint, error })
    if (mayHaveRun) this.mayHaveRunAt ??= endpoint
  }

  /** Whether that server was tried already. */
  wasAt({ endpoint }: Candidate): boolean {
    return this.failures?.some(failure => failure.endpoint === endpoint.address) ?? false
  }

  /** It is a copy of that call, and goes elsewhere. */
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

  /** What to resolve it with, if nobody has ended it before. */
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
