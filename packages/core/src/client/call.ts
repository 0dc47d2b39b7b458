import type { Codec } from '../codec/codec.ts'
import type { RpcxError } from '../errors.ts'
import type { Metadata } from '../wire/pairs.ts'
import type { Deadlines } from './deadlines.ts'
import type { Node } from './node.ts'

/** How a call ended well. */
export interface Outcome {
  readonly reply: unknown
  readonly metadata: Metadata
}

/** Whatever a call waits in: a connection, a dial, the first list. */
export interface Holder {
  /** The call has ended; nothing of it may stay behind. */
  forget(call: Call): void
}

/** What a caller asked for. */
export interface CallRequest {
  readonly method: string
  readonly args: unknown
  readonly codec: Codec
  readonly argsType: unknown
  readonly replyType: unknown
  readonly metadata: Metadata
  readonly isOneway: boolean
  /** Whether repeating it does no harm, even if it may have run already. */
  readonly isIdempotent: boolean
  readonly signal: AbortSignal | undefined
}

/** One call from its start to its end, over all attempts. It ends once, and then nothing holds it. */
export class Call {
  readonly request: CallRequest
  /** By `performance.now()`; `Infinity` when there is none. */
  readonly deadline: number
  attempts = 0
  /** The server of the newest attempt. */
  node: Node | undefined
  /** What it waits in. */
  holder: Holder | undefined
  /** What went wrong in the newest attempt. */
  lastError: RpcxError | undefined
  /** Its number on the connection, and the number of its message in the stream. */
  seq = 0
  message = 0
  /** Neighbours in `Deadlines`. */
  earlier: Call | undefined
  later: Call | undefined
  #ended = false
  readonly #deadlines: Deadlines
  readonly #resolve: (outcome: Outcome, call: Call) => void
  readonly #reject: (error: unknown) => void
  readonly #onAbort: (() => void) | undefined

  constructor(
    request: CallRequest,
    deadline: number,
    deadlines: Deadlines,
    resolve: (outcome: Outcome, call: Call) => void,
    reject: (error: unknown) => void,
  ) {
    this.request = request
    this.deadline = deadline
    this.#deadlines = deadlines
    this.#resolve = resolve
    this.#reject = reject
    deadlines.add(this)
    if (request.signal !== undefined) {
      this.#onAbort = () => this.fail(request.signal?.reason)
      request.signal.addEventListener('abort', this.#onAbort, { once: true })
    }
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  succeed(outcome: Outcome): void {
    if (this.#end()) this.#resolve(outcome, this)
  }

  fail(error: unknown): void {
    if (this.#end()) this.#reject(error)
  }

  #end(): boolean {
    if (this.#ended) return false
    this.#ended = true
    this.#deadlines.remove(this)
    this.holder?.forget(this)
    this.holder = undefined
    if (this.#onAbort !== undefined) this.request.signal?.removeEventListener('abort', this.#onAbort)
    return true
  }
}
