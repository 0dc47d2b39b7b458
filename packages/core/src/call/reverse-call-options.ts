import type { Metadata } from '../call-metadata.ts'

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
}

/** All that is known about a call to a client that succeeded. */
export interface ReverseReply {
  readonly reply: unknown
  /** What the client sent beside the reply. */
  readonly metadata: Metadata
}
