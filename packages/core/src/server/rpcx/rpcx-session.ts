import type { Duplex } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import type { PushMessage } from '../../call/push-message.ts'
import type { ReverseCallOptions } from '../../call/reverse-call-options.ts'
import type { Metadata } from '../../call-metadata.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { RpcxError } from '../../errors.ts'
import type { FrameStreamOwner, StreamBudgets } from '../../transport/frame-stream.ts'
import { FrameStream } from '../../transport/frame-stream.ts'
import { acceptedCertificate } from '../../transport/tls.ts'
import { COMPRESS_OVER_BYTES, compress } from '../../wire/compress.ts'
import type { OversizedFrame } from '../../wire/frame-decoder.ts'
import { oversizedError } from '../../wire/frame-decoder.ts'
import { Flag, ReservedKey, TWO_WAY } from '../../wire/header.ts'
import type { Message } from '../../wire/message.ts'
import type { Origin } from '../origin.ts'
import { ServerSession } from '../server-session.ts'
import { pushEnvelope, pushPayload } from './push.ts'
import { ReverseCalls } from './reverse-calls.ts'
import type { RpcxSource } from './rpcx-call.ts'
import { RpcxCall } from './rpcx-call.ts'

/** What the rpcx connections of a server have in common. */
export interface RpcxHost {
  readonly codecs: Codecs
  readonly maxFrameBytes: number
  /** Whether callers have to be known before anything is done for them. */
  readonly asksFirst: boolean
  readonly budgets: StreamBudgets
  readonly maxUnreadBytesPerConnection: number
  /** The number of the next push. */
  nextPush(): number
}

/** A connection that speaks rpcx: requests in, replies out, in whatever order the methods settle. */
export class RpcxSession extends ServerSession implements FrameStreamOwner, RpcxSource {
  readonly #host: RpcxHost
  readonly #socket: Duplex
  readonly #stream: FrameStream
  /** Once the client has said that it answers calls. */
  #reverse: ReverseCalls | undefined
  /** The frame of which only a part had come when somebody last looked, and since when. */
  #partial = 0
  #partialSince = 0

  constructor(stream: Duplex, origin: Origin, host: RpcxHost) {
    super(origin)
    this.#host = host
    this.#socket = stream
    const { maxFrameBytes, budgets } = host
    const isTrusted = !host.asksFirst
    this.#stream = new FrameStream(stream, this, { maxFrameBytes, budgets, isTrusted, pausesReads: true })
  }

  get codecs(): Codecs {
    return this.#host.codecs
  }

  get maxFrameBytes(): number {
    return this.#host.maxFrameBytes
  }

  /** When the peer last sent anything, by `performance.now()`. */
  get lastReadAt(): number {
    return this.#stream.lastReadAt
  }

  /** Whether there is room for more replies. */
  get isReading(): boolean {
    return !this.#stream.isBlocked || this.#stream.bufferedBytes <= MAX_UNREAD_BYTES
  }

  get peerCertificate(): PeerCertificate | undefined {
    return acceptedCertificate(this.#socket)
  }

  close(reason?: Error): void {
    this.#stream.destroy(reason)
  }

  end(): void {
    this.#stream.end()
  }

  broken(error: Error): void {
    this.#stream.flush()
    this.#stream.destroy(error)
  }

  push(message: PushMessage): boolean {
    const envelope = pushEnvelope(message, this.#host.nextPush())
    if (this.gone !== undefined || !this.isReading) return false
    this.#stream.send(envelope, Flag.oneway, pushPayload(message))
    return true
  }

  async call(method: string, args?: unknown, options: ReverseCallOptions = {}): Promise<unknown> {
    if (this.gone !== undefined || !this.isReading || this.#reverse === undefined) {
      const why = this.#reverse === undefined ? 'offers nothing to call' : 'is gone or does not read'
      throw new RpcxError('ERR_RPCX_UNAVAILABLE', `${method}: the client at ${this.remoteAddress} ${why}`)
    }
    return this.#reverse.call(method, args, options)
  }

  received(message: Message): void {
    if (!this.mayRead()) return
    if (message.isHeartbeat) {
      this.#heartbeat(message)
      return
    }
    // Go's server takes a response for a request; who never said that it answers calls is treated likewise.
    if (message.isResponse && this.#reverse !== undefined) this.#reverse.answered(message)
    else this.take(new RpcxCall(message, this))
  }

  /** Only the call that is too long fails. */
  oversized(frame: OversizedFrame): boolean {
    const { flags, seq } = frame
    if ((flags & Flag.heartbeat) !== 0 || this.refusal !== undefined) return false
    if ((flags & Flag.response) !== 0) {
      this.#reverse?.oversized(seq, oversizedError('the reply of the client', frame))
      return this.#reverse !== undefined
    }
    const error = oversizedError('the call', frame)
    const isOneway = (flags & Flag.oneway) !== 0
    this.unreadable(error, isOneway)
    if (!isOneway) this.#stream.refuse(frame, error)
    return true
  }

  reply(request: Message, status: number, metadata: Metadata, payload: Uint8Array): boolean {
    // Go compresses a reply when the request announced a compression, however small the request was.
    const zip = payload.length > COMPRESS_OVER_BYTES && (request.flags & Flag.compress) !== 0
    const flags = Flag.response | status | (zip ? Flag.gzip : 0)
    const bytes = zip ? compress(payload) : payload
    // What says that a call failed is short, and always sent.
    if (this.#stream.isBlocked && status === 0 && !this.#mayLeaveUnread(bytes.length)) return false
    this.#stream.reply(request, flags, metadata, bytes)
    return true
  }

  drained(): void {
    this.resumed()
  }

  closed(error: Error | undefined): void {
    this.lost(error)
    this.#reverse?.close(this.gone as Error)
  }

  protected override trust(): void {
    this.#stream.isTrusted = true
  }

  protected unfinishedSince(now: number): number | undefined {
    const { partial, isBlocked } = this.#stream
    if (partial !== this.#partial || isBlocked) {
      // While a peer does not read, we do not read either.
      this.#partial = partial
      this.#partialSince = now
    }
    return partial > 0 ? this.#partialSince : undefined
  }

  #heartbeat(message: Message): void {
    const { codecs, maxFrameBytes } = this.#host
    // It is sent back as it came: nobody looks into what a stranger compressed.
    if (this.refusal === undefined && message.metadataValue(ReservedKey.peer) === TWO_WAY)
      this.#reverse ??= new ReverseCalls(this.#stream, codecs, maxFrameBytes)
    this.#stream.echo(message)
  }

  #mayLeaveUnread(bytes: number): boolean {
    return this.#stream.bufferedBytes + bytes <= this.#host.maxUnreadBytesPerConnection
  }
}

// What may lie unread before no more calls are run: a reply that is longer still goes out.
const MAX_UNREAD_BYTES = 1024 * 1024
