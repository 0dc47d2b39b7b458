import type { Duplex } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import type { PushMessage } from '../../call/push-message.ts'
import type { ReverseCallOptions, ReverseReply } from '../../call/reverse-call-options.ts'
import type { Metadata } from '../../call-metadata.ts'
import type { Codecs } from '../../codec/codecs.ts'
import { RpcxError } from '../../errors.ts'
import type { PeerOptions, PeerOwner } from '../../peer/peer.ts'
import { Peer } from '../../peer/peer.ts'
import type { RpcxSource } from '../../peer/rpcx-call.ts'
import { RpcxCall } from '../../peer/rpcx-call.ts'
import { reasonOf } from '../../reason.ts'
import { acceptedCertificate } from '../../transport/tls.ts'
import type { OversizedFrame } from '../../wire/frame-decoder.ts'
import { oversizedError } from '../../wire/frame-decoder.ts'
import { Flag } from '../../wire/header.ts'
import type { Message } from '../../wire/message.ts'
import type { Origin } from '../origin.ts'
import { ServerSession } from '../server-session.ts'
import { pushEnvelope, pushPayload } from './push.ts'
import { ReverseCall } from './reverse-call.ts'

/** The parts of a server that all its rpcx connections share. */
export interface RpcxHost {
  readonly codecs: Codecs
  readonly peer: PeerOptions
  /** Returns the number of the next push. */
  nextPush(): number
}

/** A server connection that speaks rpcx. Replies leave in the order in which the methods settle. */
export class RpcxSession extends ServerSession implements PeerOwner<ReverseCall>, RpcxSource {
  readonly #host: RpcxHost
  readonly #socket: Duplex
  readonly #peer: Peer<ReverseCall>
  /** The number of the incomplete frame at the last check, and the time since which it is incomplete. */
  #partial = 0
  #partialSince = 0

  constructor(stream: Duplex, origin: Origin, host: RpcxHost) {
    super(origin)
    this.#host = host
    this.#socket = stream
    const isRefused = this.refusal !== undefined
    this.#peer = new Peer(stream, isRefused ? { ...host.peer, isTwoWay: false } : host.peer, this)
  }

  get codecs(): Codecs {
    return this.#host.codecs
  }

  get maxFrameBytes(): number {
    return this.#host.peer.maxFrameBytes
  }

  /** The time at which the peer last sent anything, by the clock. */
  get lastReadAt(): number {
    return this.#peer.stream.lastReadAt
  }

  /** Whether the client may get more replies: at most 1 MiB is unread. */
  get isReading(): boolean {
    const { stream } = this.#peer
    return !stream.isBlocked || stream.bufferedBytes <= MAX_UNREAD_BYTES
  }

  get peerCertificate(): PeerCertificate | undefined {
    return acceptedCertificate(this.#socket)
  }

  close(reason?: Error): void {
    this.#peer.stream.destroy(reason)
  }

  end(): void {
    this.#peer.stream.end()
  }

  broken(error: Error): void {
    this.#peer.stream.flush()
    this.#peer.stream.destroy(error)
  }

  push(message: PushMessage): boolean {
    const envelope = pushEnvelope(message, this.#host.nextPush())
    if (this.gone !== undefined || !this.isReading) return false
    this.#peer.stream.send(envelope, Flag.oneway, pushPayload(message))
    return true
  }

  override async invoke(
    method: string,
    args?: unknown,
    options: ReverseCallOptions = {},
  ): Promise<ReverseReply> {
    const { requester } = this.#peer
    if (requester === undefined) return super.invoke(method)
    if (this.gone !== undefined || !this.isReading) {
      const text = `${method}: the client at ${this.remoteAddress} is gone or does not read`
      throw new RpcxError('ERR_RPCX_UNAVAILABLE', text)
    }
    const call = new ReverseCall(this.clock, method, args, options, this.#host.codecs)
    requester.send(call)
    return call.result
  }

  override mayRead(): boolean {
    return super.mayRead()
  }

  called(message: Message): void {
    this.take(new RpcxCall(message, this))
  }

  /** Refuses the oversized call only; the connection stays open. */
  calledTooLong(frame: OversizedFrame): boolean {
    if (this.refusal !== undefined) return false
    const error = oversizedError('the call', frame)
    const isOneway = (frame.flags & Flag.oneway) !== 0
    this.unreadable(error, isOneway)
    if (!isOneway) this.#peer.stream.refuse(frame, error)
    return true
  }

  reply(request: Message, status: number, metadata: Metadata, payload: Uint8Array): boolean {
    return this.#peer.reply(request, status, metadata, payload)
  }

  /** Fails a call to the client that got no reply. */
  failed(call: ReverseCall, error: RpcxError, mayHaveRun: boolean): void {
    call.fail(mayHaveRun ? new RpcxError('ERR_RPCX_OUTCOME_UNKNOWN', error.message, { cause: error }) : error)
  }

  drained(): void {
    this.resumed()
  }

  closed(error: Error | undefined): void {
    this.lost(error)
    const cause = this.gone
    const lost = ({ name }: ReverseCall): RpcxError =>
      new RpcxError('ERR_RPCX_UNAVAILABLE', `${name}: ${reasonOf(cause)}`, { cause })
    this.#peer.requester?.abandon(lost, false)
  }

  protected override trust(): void {
    this.#peer.stream.isTrusted = true
  }

  protected unfinishedSince(now: number): number | undefined {
    const { partial, isBlocked } = this.#peer.stream
    if (partial !== this.#partial || isBlocked) {
      // While the peer does not read, this session does not read either.
      this.#partial = partial
      this.#partialSince = now
    }
    return partial > 0 ? this.#partialSince : undefined
  }
}

// While a client has more unread bytes, its calls wait. A single reply may be longer.
const MAX_UNREAD_BYTES = 1024 * 1024
