import type { Metadata } from '../call-metadata.ts'
import type { Envelope } from '../wire/envelope.ts'

/** Whatever a call waits in: a connection, a dial, the first list. */
export interface CallHolder {
  /** Where it was sent: when the other end was last heard of, by the clock. */
  readonly heardAt?: number
  /** The call has ended; nothing of it may stay behind. */
  forget(call: PendingCall): void
}

/** A call that one end makes of the other, as the connection between them sees it. It ends once. */
export interface PendingCall extends Envelope {
  /** Its number on the connection, and the number of its message in the stream. */
  seq: number
  message: number
  /** What it waits in. */
  holder: CallHolder | undefined
  /** What errors call it. */
  readonly name: string
  /** Whether it is never answered. */
  readonly isOneway: boolean
  /** Whether its caller asks for the metadata of the reply, too. */
  readonly wantsMetadata: boolean
  /** How long it may take in all; `Infinity` without an end. */
  readonly timeoutMs: number
  /** By the clock; `Infinity` in the tick in which it starts, and when there is none. */
  readonly deadline: number
  /** Its arguments in bytes, valid until anything else is encoded. @throws RpcxError `ERR_RPCX_ARGUMENT` */
  payload(): Uint8Array
  /** Whether arguments of that length are to be compressed. */
  zips(payload: Uint8Array): boolean
  /** The value of a reply, by the codec that the reply names. @param payload decompressed */
  decode(serialize: number, payload: Uint8Array): unknown
  succeed(reply: unknown, metadata: Metadata): void
  fail(error: unknown): void
}
