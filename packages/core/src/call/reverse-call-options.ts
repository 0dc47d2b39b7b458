import type { Metadata } from '../call-metadata.ts'
import type { ParentCall } from './parent-call.ts'

/** Options of one call from a server to its client. */
export interface ReverseCallOptions {
  /**
   * How long the call may take, in milliseconds. The client's function reads the rest as `context.remainingMs`. 0: no limit.
   * @default 10_000
   */
  readonly timeoutMs?: number
  /** Ends the call, which then rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal
  /** Metadata to send beside the arguments. @default none */
  readonly metadata?: Readonly<Record<string, string>>
  /**
   * The name of the codec of the arguments, built in or of the server's `codecs`. The client replies in the same codec. @default 'msgpack'
   */
  readonly codec?: string
  /**
   * Message types for codecs that need them, or schemas that validate arguments and reply synchronously. The client sets its own by
   * `offerTypes`. @default none
   */
  readonly types?: { readonly args?: unknown; readonly reply?: unknown }
  /** The context of the call that this call belongs to: limits the deadline, forwards its abort and its trace. @default none */
  readonly parent?: ParentCall
}

/** The reply of a client, with its metadata. */
export interface ReverseReply {
  readonly reply: unknown
  /** The metadata that the client sent beside the reply. */
  readonly metadata: Metadata
}
