import type { Duplex } from 'node:stream'
import type { Metadata } from '../call-metadata.ts'
import { NO_METADATA } from '../call-metadata.ts'
import type { Clock } from '../clock.ts'
import type { FrameStreamOptions, FrameStreamOwner } from '../transport/frame-stream.ts'
import { FrameStream } from '../transport/frame-stream.ts'
import { COMPRESS_OVER_BYTES, compress } from '../wire/compress.ts'
import type { OversizedFrame } from '../wire/frame-decoder.ts'
import { Flag, ReservedKey, Serialize, TWO_WAY } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import { Heartbeat } from './heartbeat.ts'
import type { PendingCall } from './pending-call.ts'
import type { RequesterOwner } from './requester.ts'
import { Requester } from './requester.ts'

/** Who has a connection: a session of a server, or a client. Answers the calls that come. */
export interface PeerOwner<C extends PendingCall> extends RequesterOwner<C> {
  /** Returns whether to go on with a frame that came, before anybody looks at it. */
  mayRead(): boolean
  /** The other end calls, or sends a message that it wants no answer to. */
  called(message: Message): void
  /** The same, longer than `maxFrameBytes`. Returns whether to read on behind it. */
  calledTooLong(frame: OversizedFrame): boolean
  /** The other end has read all that it had left unread for a while. */
  drained(): void
  /** Once, when the connection is gone: with the error that ended it, if one did. */
  closed(error: Error | undefined): void
}

/** What the peers of one client or server have in common. */
export interface PeerOptions extends FrameStreamOptions {
  /** What the other end may leave unread before it gets no more replies, in bytes. */
  readonly maxUnreadBytes: number
  /** Whether both ends may call: a client then says so when it connects, and a server listens for that. Go's understand neither. */
  readonly isTwoWay: boolean
  /** How a client asks for signs of life; `undefined` for a server, which answers. */
  readonly heartbeat: HeartbeatOptions | undefined
}

export interface HeartbeatOptions {
  /** 0: only when asked to. */
  readonly everyMs: number
  readonly timeoutMs: number
}

/** One end of an rpcx connection, the same at client and server: sorts what comes, sends calls and answers. */
export class Peer<C extends PendingCall> implements FrameStreamOwner {
  readonly stream: FrameStream
  readonly #options: PeerOptions
  readonly #owner: PeerOwner<C>
  readonly #heartbeat: Heartbeat | undefined
  #requester: Requester<C> | undefined

  /** @param options shared by many */
  constructor(stream: Duplex, options: PeerOptions, owner: PeerOwner<C>) {
    const { heartbeat } = options
    this.#options = options
    this.#owner = owner
    this.stream = new FrameStream(stream, this, options)
    if (heartbeat === undefined) return
    this.#requester = this.#newRequester()
    // First of all, so that a server may call us as soon as we have called it.
    if (options.isTwoWay) this.#sendHeartbeat(HELLO)
    const { everyMs, timeoutMs } = heartbeat
    const send = (): void => this.#sendHeartbeat()
    this.#heartbeat = new Heartbeat(this.stream, owner.remoteAddress, everyMs, timeoutMs, send)
  }

  /** What makes calls of the other end: of a server's, once its client has said that it answers any. */
  get requester(): Requester<C> | undefined {
    return this.#requester
  }

  /** Asks for a sign of life, and tells when it comes. Only for clients. */
  ask(onAlive: () => void): void {
    this.#heartbeat?.ask(onAlive)
  }

  /** Whether the other end leaves unread so much that so many bytes more are not to be sent. */
  isFull(bytes: number): boolean {
    return this.stream.isBlocked && this.stream.bufferedBytes + bytes > this.#options.maxUnreadBytes
  }

  /**
   * Answers a call. Returns `false` when the payload is not sent because too much is unread; what says that a call failed is short, and
   * always sent.
   */
  reply(request: Message, status: number, metadata: Metadata, payload: Uint8Array): boolean {
    // Go compresses a reply when the request announced a compression, however small the request was.
    const zip = payload.length > COMPRESS_OVER_BYTES && (request.flags & Flag.compress) !== 0
    const flags = Flag.response | status | (zip ? Flag.gzip : 0)
    const bytes = zip ? compress(payload) : payload
    if (status === 0 && this.isFull(bytes.length)) return false
    this.stream.reply(request, flags, metadata, bytes)
    return true
  }

  received(message: Message): void {
    if (!this.#owner.mayRead()) return
    const { flags } = message
    if ((flags & Flag.heartbeat) !== 0) this.#beat(message)
    else if (this.#isReply(flags)) this.#requester?.replied(message)
    else this.#owner.called(message)
  }

  oversized(frame: OversizedFrame): boolean {
    if ((frame.flags & Flag.heartbeat) !== 0) return false
    if (!this.#isReply(frame.flags)) return this.#owner.calledTooLong(frame)
    this.#requester?.oversized(frame)
    return true
  }

  drained(): void {
    this.#owner.drained()
  }

  closed(error: Error | undefined): void {
    this.#heartbeat?.stop()
    this.#owner.closed(error)
  }

  /** Where only one end calls, all that comes is for it, as Go has it: a client takes a request for a reply, unless it is a push. */
  #isReply(flags: number): boolean {
    if (this.#requester === undefined) return false
    if (this.#options.isTwoWay) return (flags & Flag.response) !== 0
    return (flags & (Flag.response | Flag.oneway)) !== Flag.oneway
  }

  #beat(message: Message): void {
    if (this.#heartbeat !== undefined) {
      this.#heartbeat.answered()
      return
    }
    // It is sent back as it came: nobody looks into what a stranger compressed.
    if (this.#options.isTwoWay && message.metadataValue(ReservedKey.peer) === TWO_WAY)
      this.#requester ??= this.#newRequester()
    this.stream.echo(message)
  }

  #newRequester(): Requester<C> {
    return new Requester(this.stream, this.#options.maxFrameBytes, this.#owner)
  }

  #sendHeartbeat(metadata = NO_METADATA): void {
    const seq = (this.#requester as Requester<C>).nextSeq()
    this.stream.send({ ...HEARTBEAT, metadata, seq }, Flag.heartbeat, timestamp(this.stream.clock))
  }
}

const HELLO: Metadata = { [ReservedKey.peer]: TWO_WAY }

const HEARTBEAT = {
  serialize: Serialize.msgpack,
  service: '',
  method: '',
}

/** The time as Go's clients send it: nanoseconds in a MessagePack int64. */
function timestamp(clock: Clock): Buffer {
  const payload = Buffer.alloc(9, 0xd3)
  payload.writeBigInt64BE(BigInt(Math.floor(clock.wallTime())) * 1_000_000n, 1)
  return payload
}
