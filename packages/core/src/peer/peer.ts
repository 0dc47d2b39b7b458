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

/** The owner of a connection, a client or a session of a server. Handles incoming calls. */
export interface PeerOwner<C extends PendingCall> extends RequesterOwner<C> {
  /** Returns whether to process a frame that has arrived. */
  mayRead(): boolean
  /** Handles a call, or a message that needs no reply, from the other end. */
  called(message: Message): void
  /** Handles a call that is longer than `maxFrameBytes`. Returns whether to skip the frame and read on. */
  calledTooLong(frame: OversizedFrame): boolean
  /** Called when the other end has read all data that it had left unread. */
  drained(): void
  /** Called once, when the connection has closed. `error` is the cause, if there is one. */
  closed(error: Error | undefined): void
}

/** The options that all peers of one client or server share. */
export interface PeerOptions extends FrameStreamOptions {
  /** The maximum of unread bytes for replies to the other end. */
  readonly maxUnreadBytes: number
  /**
   * Whether both ends may make calls. A client announces it when it connects, and a server waits for that announcement. Go's ends do not
   * know it.
   */
  readonly isTwoWay: boolean
  /** How a client sends heartbeats; `undefined` for a server, which only answers them. */
  readonly heartbeat: HeartbeatOptions | undefined
}

export interface HeartbeatOptions {
  /** The idle time before a heartbeat in milliseconds; 0: only on request. */
  readonly everyMs: number
  readonly timeoutMs: number
}

/** One end of an rpcx connection, for client and server. Dispatches incoming frames, and sends calls and replies. */
export class Peer<C extends PendingCall> implements FrameStreamOwner {
  readonly stream: FrameStream
  readonly #options: PeerOptions
  readonly #owner: PeerOwner<C>
  readonly #heartbeat: Heartbeat | undefined
  #requester: Requester<C> | undefined

  /** @param options shared by many peers */
  constructor(stream: Duplex, options: PeerOptions, owner: PeerOwner<C>) {
    const { heartbeat } = options
    this.#options = options
    this.#owner = owner
    this.stream = new FrameStream(stream, this, options)
    if (heartbeat === undefined) return
    this.#requester = this.#newRequester()
    // The first frame, so that a server may call this client as soon as it gets a call.
    if (options.isTwoWay) this.#sendHeartbeat(HELLO)
    const { everyMs, timeoutMs } = heartbeat
    const send = (): void => this.#sendHeartbeat()
    this.#heartbeat = new Heartbeat(this.stream, owner.remoteAddress, everyMs, timeoutMs, send)
  }

  /** Makes calls to the other end; `undefined` on a server until its client announces that it answers calls. */
  get requester(): Requester<C> | undefined {
    return this.#requester
  }

  /** Sends a heartbeat and calls `onAlive` when the answer arrives. Only for clients. */
  ask(onAlive: () => void): void {
    this.#heartbeat?.ask(onAlive)
  }

  /** Returns whether `bytes` more would exceed the limit of unread data of the other end. */
  isFull(bytes: number): boolean {
    return this.stream.isBlocked && this.stream.bufferedBytes + bytes > this.#options.maxUnreadBytes
  }

  /**
   * Answers a call. Returns `false` and sends nothing when the payload would exceed the limit of unread data. Errors are short and always
   * sent.
   */
  reply(request: Message, status: number, metadata: Metadata, payload: Uint8Array): boolean {
    // Go compresses a reply when the request has compression flags, regardless of the request's size.
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

  /**
   * Returns whether a frame is a reply. On a connection with calls one way only, a client takes all frames but pushes for replies, as in
   * Go.
   */
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
    // Sends the heartbeat back unchanged. Never decompresses it, because the peer may not be authenticated.
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

/** Returns the time in the format of Go's clients: nanoseconds in a MessagePack int64. */
function timestamp(clock: Clock): Buffer {
  const payload = Buffer.alloc(9, 0xd3)
  payload.writeBigInt64BE(BigInt(Math.floor(clock.wallTime())) * 1_000_000n, 1)
  return payload
}
