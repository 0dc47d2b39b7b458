import type { Metadata } from '../call-metadata.ts'
import type { ParentCall } from './parent-call.ts'

/** What belongs to one call of a server to its client. */
export interface ReverseCallOptions {
  /**
   * How long the client may take, in milliseconds; its function sees what is left as `context.remainingMs`. 0: without end.
   * @default 10_000
   */
  readonly timeoutMs?: number
  /** Ends the call, which rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal
  /** Sent beside the arguments. @default none */
  readonly metadata?: Readonly<Record<string, string>>
  /** The name of the codec of the arguments, one of the server's `codecs` included; the client answers in the same. @default 'msgpack' */
  readonly codec?: string
  /**
   * Message types for codecs that need them, or schemas by which arguments and reply are checked at once. The client has its own, as
   * `offerTypes`. @default none
   */
  readonly types?: { readonly args?: unknown; readonly reply?: unknown }
  /** The context of the call that this one is made for: caps the deadline, joins the signal, forwards the trace. @default none */
  readonly parent?: ParentCall
}

/** All that is known about a call to a client that succeeded. */
export interface ReverseReply {
  readonly reply: unknown
  /** What the client sent beside the reply. */
  readonly metadata: Metadata
}
