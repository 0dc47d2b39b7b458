import type { ReverseCallContext } from '../call/call-context.ts'
import type { CallFailure, CallHost, CallSource } from '../call/incoming-call.ts'
import { IncomingCall } from '../call/incoming-call.ts'
import type { Metadata } from '../call-metadata.ts'
import { MAX_PAIRS } from '../call-metadata.ts'
import { toError } from '../callbacks.ts'
import type { Codec } from '../codec/codec.ts'
import type { Codecs } from '../codec/codecs.ts'
import { decodedBytes } from '../codec/limits.ts'
import { RpcxError } from '../errors.ts'
import { validatedNow } from '../schema.ts'
import { decompress, isTooLong } from '../wire/compress.ts'
import { Flag, ReservedKey } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import { ERROR_PAIRS, errorMetadata } from '../wire/reply-error.ts'
import { deadlineOf } from './deadline.ts'

/** The rpcx connection of an incoming call, with the codecs for its payloads. */
export interface RpcxSource extends CallHost {
  readonly codecs: Codecs
  readonly maxFrameBytes: number
  /** The time at which the newest bytes arrived, by the clock. */
  readonly lastReadAt: number
  /** Sends a reply. Returns `false` when the caller has left too much unread, and the payload is not sent. */
  reply(request: Message, status: number, metadata: Metadata, payload: Uint8Array): boolean
  /** Closes the connection, because its data is unusable. */
  broken(error: Error): void
}

/** A call that arrived as an rpcx frame: from a client to a server, or from a server to its client. */
export class RpcxCall<Source extends RpcxSource = CallSource & RpcxSource> extends IncomingCall<Source> {
  readonly message: Message
  isBroken = false
  #codec: Codec | undefined
  /** The memory of the call beside its frame: the decompressed payload and, after `hold`, the decoded arguments. */
  #heldBytes = 0

  constructor(message: Message, source: Source) {
    super(source, source.lastReadAt)
    this.message = message
  }

  get service(): string {
    return this.message.service
  }
  get method(): string {
    return this.message.method
  }
  get token(): string {
    return this.message.metadataValue(ReservedKey.auth) ?? ''
  }
  get metadata(): Metadata {
    return this.message.metadata
  }
  get isOneway(): boolean {
    return this.message.isOneway
  }
  get byteLength(): number {
    return this.message.size
  }
  get argumentBytes(): number {
    return this.message.payloadBytes
  }

  metadataValue(key: string): string | undefined {
    return this.message.metadataValue(key)
  }

  protected expiry(): number | undefined {
    return deadlineOf(this.message.metadataValue(ReservedKey.timeout), this.receivedAt)
  }

  args(type: unknown): unknown {
    const { message, source } = this
    const codec = source.codecs.byId(message.serialize)
    this.#codec = codec
    const sent = message.payload
    const payload = this.#inflate(sent)
    if (payload !== sent) this.#heldBytes = payload.length
    try {
      return validatedNow(type, codec.decode(payload, type))
    } catch (thrown) {
      const cause = toError(thrown, 'decoding')
      throw new RpcxError('ERR_RPCX_ARGUMENT', cause.message, { cause })
    }
  }

  /** To be called before anything else is decoded, because the codec counts the last payload only. */
  hold(): number {
    this.#heldBytes += decodedBytes(this.#codec as Codec)
    return this.#heldBytes + this.message.hold()
  }

  release(): number {
    return this.#heldBytes + this.message.release()
  }

  answer(reply: unknown, type: unknown, metadata: Metadata): number {
    let payload: Uint8Array
    try {
      payload = (this.#codec as Codec).encode(validatedNow(type, reply), type)
    } catch (thrown) {
      const cause = toError(thrown, `${this.service}.${this.method}`)
      throw new RpcxError('ERR_RPCX_CODEC', cause.message, { cause })
    }
    if (!this.source.reply(this.message, 0, metadata, payload)) throw unreadError(this, payload.length)
    return payload.length
  }

  fail({ code, message, declared }: CallFailure, metadata: Metadata): void {
    // The receiver reads at most `MAX_PAIRS` pairs, and the error needs some of them.
    const own = Object.fromEntries(Object.entries(metadata).slice(0, MAX_PAIRS - ERROR_PAIRS))
    const all = { ...own, ...errorMetadata(code, message, declared) }
    this.source.reply(this.message, Flag.error, all, EMPTY)
  }

  /**
   * @throws RpcxError `ERR_RPCX_FRAME` when the payload is too long or not valid gzip; in the latter case it also closes the connection, as
   * Go's server does
   */
  #inflate(payload: Buffer): Buffer {
    const { message, source } = this
    try {
      return decompress(payload, message.flags, source.maxFrameBytes)
    } catch (error) {
      if (!isTooLong(error)) {
        this.isBroken = true
        source.broken(error as RpcxError)
      }
      throw error
    }
  }
}

const EMPTY: Uint8Array = new Uint8Array(0)

/** Returns the error of a call that ran, but whose reply the client cannot receive. */
function unreadError({ service, method, remoteAddress }: ReverseCallContext, bytes: number): RpcxError {
  const text = `${service}.${method}: has run, but its reply of ${bytes} bytes is not sent: ${remoteAddress} leaves unread as much as maxUnreadBytesPerConnection allows`
  return new RpcxError('ERR_RPCX_FRAME', text)
}
