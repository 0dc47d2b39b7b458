import type { Metadata } from '../call-metadata.ts'
import type { Envelope } from '../wire/envelope.ts'

/** A place where a call waits: a connection, a dial, the first list of servers. */
export interface CallHolder {
  /** The time at which the other end last sent anything, by the clock. Only for a connection. */
  readonly heardAt?: number
  /** Removes a call that has ended. */
  forget(call: PendingCall): void
}

/** A call from one end of a connection to the other, as the connection sees it. It ends once. */
export interface PendingCall extends Envelope {
  /** The number of the call on the connection, and the number of its message in the stream. */
  seq: number
  message: number
  /** The place where the call waits. */
  holder: CallHolder | undefined
  /** The name of the call in error messages. */
  readonly name: string
  /** Whether the call gets no reply. */
  readonly isOneway: boolean
  /** Whether the caller needs the metadata of the reply. */
  readonly wantsMetadata: boolean
  /** The time limit of the whole call in milliseconds; `Infinity` without one. */
  readonly timeoutMs: number
  /** The deadline by the clock; `Infinity` without one, and in the tick in which the call starts. */
  readonly deadline: number
  /** Encodes the arguments. The bytes are valid until the next value is encoded. @throws RpcxError `ERR_RPCX_ARGUMENT` */
  payload(): Uint8Array
  /** Returns whether to compress these arguments. */
  zips(payload: Uint8Array): boolean
  /** Decodes a reply by the codec that it names. @param payload the decompressed payload */
  decode(serialize: number, payload: Uint8Array): unknown
  succeed(reply: unknown, metadata: Metadata): void
  fail(error: unknown): void
}
