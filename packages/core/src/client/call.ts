import type { FailedAttempt, RpcxError } from '../errors.ts'
import type { Metadata } from '../wire/pairs.ts'
import type { Deadlines } from './deadlines.ts'
import type { Node } from './node.ts'
import type { Payloads } from './payloads.ts'

/** All that is known about a call that succeeded. */
export interface Invocation<Reply> {
  readonly reply: Reply
  /** What the server sent beside the reply. */
  readonly metadata: Metadata
  /** The address of the server that replied. */
  readonly endpoint: string
  /** How often it was tried, the last time included. */
  readonly attempts: number
}

/** Whatever a call waits in: a connection, a dial, the first list. */
export interface Holder {
  /** The call has ended; nothing of it may stay behind. */
  forget(call: Call): void
}

/**
 * What the caller is given: the reply, all that is known, nothing, since a one-way call is never answered, or the servers that
 * there are.
 */
export type Wanted = 'reply' | 'invocation' | 'nothing' | 'servers'

/** One call from its start to its end, over all attempts. It ends once, and then nothing holds it. */
export class Call {
  /** Those of its service. */
  readonly payloads: Payloads
  readonly method: string
  readonly args: unknown
  readonly wanted: Wanted
  metadata: Metadata
  /** Whether repeating it does no harm, even if it may have run already. */
  readonly isIdempotent: boolean
  /** How long it may take in all; `Infinity` without an end. */
  readonly timeoutMs: number
  /** By `performance.now()`; `Infinity` in the tick in which it starts, and when there is none. */
  deadline: number = Number.POSITIVE_INFINITY
  attempts = 0
  /** Whether `node` is the only server that it may go to. */
  isPinned = false
  /** The server of the newest attempt. */
  node: Node | undefined = undefined
  /** What it waits in. */
  holder: Holder | undefined = undefined
  /** What went wrong so far, in order. */
  failures: FailedAttempt[] | undefined = undefined
  /** The server at which an attempt that failed may have run. */
  mayHaveRunAt: string | undefined = undefined
  /** Its number on the connection, and the number of its message in the stream. */
  seq = 0
  message = 0
  #ended = false
  readonly #deadlines: Deadlines
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  #signal: AbortSignal | undefined = undefined
  #onAbort: (() => void) | undefined = undefined

  constructor(
    payloads: Payloads,
    method: string,
    args: unknown,
    wanted: Wanted,
    metadata: Metadata,
    isIdempotent: boolean,
    timeoutMs: number,
    deadlines: Deadlines,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.payloads = payloads
    this.method = method
    this.args = args
    this.wanted = wanted
    this.metadata = metadata
    this.isIdempotent = isIdempotent
    this.timeoutMs = timeoutMs
    this.#deadlines = deadlines
    this.#resolve = resolve
    this.#reject = reject
    deadlines.started(this)
  }

  /** Ends the call when the signal aborts. */
  endWith(signal: AbortSignal): void {
    this.#signal = signal
    this.#onAbort = () => this.fail(signal.reason)
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  get lastError(): RpcxError | undefined {
    return this.failures?.at(-1)?.error
  }

  /** The newest attempt failed. */
  missed(error: RpcxError, mayHaveRun: boolean): void {
    this.failures ??= []
    const endpoint = this.node?.endpoint.address ?? ''
    this.failures.push({ endpoint, error })
    if (mayHaveRun) this.mayHaveRunAt ??= endpoint
  }

  /** Whether that server was tried already. */
  wasAt({ endpoint }: Node): boolean {
    return this.failures?.some(failure => failure.endpoint === endpoint.address) ?? false
  }

  /** It is a copy of that call, and goes elsewhere. */
  avoid(other: Call): void {
    this.node = other.node
    this.attempts = other.attempts
  }

  succeed(reply: unknown, metadata: Metadata): void {
    if (!this.#end()) return
    if (this.wanted !== 'invocation') {
      this.#resolve(reply)
      return
    }
    const endpoint = this.node?.endpoint.address ?? ''
    const invocation: Invocation<unknown> = { reply, metadata, endpoint, attempts: this.attempts }
    this.#resolve(invocation)
  }

  fail(error: unknown): void {
    if (this.#end()) this.#reject(error)
  }

  #end(): boolean {
    if (this.#ended) return false
    this.#ended = true
    this.#deadlines.ended()
    this.holder?.forget(this)
    this.holder = undefined
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort)
    return true
  }
}
