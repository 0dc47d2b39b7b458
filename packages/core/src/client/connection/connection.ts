import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Metadata } from '../../call-metadata.ts'
import { NO_METADATA } from '../../call-metadata.ts'
import { decodeDetails } from '../../codec/error-details.ts'
import type { RpcxErrorCode } from '../../errors.ts'
import { RpcxError } from '../../errors.ts'
import { reasonOf } from '../../reason.ts'
import type { FrameStreamOwner } from '../../transport/frame-stream.ts'
import { FrameStream } from '../../transport/frame-stream.ts'
import { isCertificateRefusal, tlsError } from '../../transport/tls.ts'
import { compress, decompress } from '../../wire/compress.ts'
import { isForeign, isForeignTls } from '../../wire/foreign.ts'
import type { OversizedFrame } from '../../wire/frame-decoder.ts'
import { oversizedError } from '../../wire/frame-decoder.ts'
import type { Seq } from '../../wire/header.ts'
import { Flag, ReservedKey, Serialize, TWO_WAY } from '../../wire/header.ts'
import type { Message } from '../../wire/message.ts'
import { errorOf } from '../../wire/reply-error.ts'
import type { Call, Holder } from '../call/call.ts'
import type { ClientMethodRunner, ClientMethodTable } from './client-methods.ts'
import { Heartbeat } from './heartbeat.ts'
import { Latency } from './latency.ts'
import { PendingReplies } from './pending-replies.ts'
import type { PushedMessage } from './pushed.ts'
import { pushedMessage } from './pushed.ts'

/** What the connections of a client have in common. */
export interface ConnectionOptions {
  readonly heartbeatMs: number
  readonly heartbeatTimeoutMs: number
  readonly maxFrameBytes: number
  readonly maxBufferedBytes: number
  /** What servers may call over the connection. */
  readonly offered: ClientMethodTable | undefined
  /** A server sent a message without being asked. */
  pushed(message: PushedMessage): void
  /** A server sent one that cannot be read, which is left out. */
  pushFailed(endpoint: string, error: RpcxError): void
}

/** Who decides what becomes of a call and of its server. */
export interface ConnectionOwner {
  /** `mayHaveRun`: the server may have got it. */
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** The server has read what it had left unread for a while. */
  drained(): void
  /** The server answered, but with an error that is neither the call's nor a refusal to run it. */
  erred(error: RpcxError): void
  /** Once, before the pending calls fail. */
  closed(error: Error | undefined): void
}

/** One connection to a server: many calls at once, told apart by their `seq`. */
export class Connection implements FrameStreamOwner, Holder {
  readonly #address: string
  readonly #options: ConnectionOptions
  readonly #owner: ConnectionOwner
  readonly #socket: Duplex
  readonly #stream: FrameStream
  readonly #pending = new PendingReplies()
  readonly #heartbeat: Heartbeat
  #seq = 0
  #closing = false
  #closeTimer: NodeJS.Timeout | undefined
  readonly #latency = new Latency()
  /** What the server calls here, once it does. */
  #offers: ClientMethodRunner | undefined
  /** How many replies came, those of failed calls included, and how many of them for calls that had ended. */
  replies = 0
  lateReplies = 0

  constructor(stream: Duplex, address: string, options: ConnectionOptions, owner: ConnectionOwner) {
    const { maxFrameBytes, heartbeatMs, heartbeatTimeoutMs } = options
    this.#address = address
    this.#options = options
    this.#owner = owner
    this.#socket = stream
    this.#stream = new FrameStream(stream, this, { maxFrameBytes, pausesReads: false, reusesMessages: true })
    // First of all, so that a server may call us as soon as we have called it.
    if (options.offered !== undefined) this.#sendHeartbeat(ANNOUNCEMENT)
    this.#heartbeat = new Heartbeat(this.#stream, address, heartbeatMs, heartbeatTimeoutMs, () =>
      this.#sendHeartbeat(),
    )
  }

  get inFlight(): number {
    return this.#pending.size
  }

  /** When the last bytes came, by `performance.now()`. */
  get heardAt(): number {
    return this.#stream.hasRead ? this.#stream.lastReadAt : Number.NEGATIVE_INFINITY
  }

  /** How long calls take of late, in milliseconds; `undefined` when that is not known. */
  get latencyMs(): number | undefined {
    return this.#latency.ms
  }

  /** Whether the server leaves unread so much that no more is to be sent until `drained`. */
  get isFull(): boolean {
    return this.#stream.isBlocked && this.#stream.bufferedBytes > this.#options.maxBufferedBytes
  }

  /** The calls that wait for their reply. */
  get calls(): Iterable<Call> {
    return this.#pending
  }

  send(call: Call): void {
    const { methodCodec } = call
    let payload: Uint8Array
    try {
      payload = call.payload()
    } catch (error) {
      call.fail(error)
      return
    }
    const isOneway = call.wanted === 'nothing'
    const zip = methodCodec.zips(payload)
    call.seq = this.#seq++
    const flags = (isOneway ? Flag.oneway : 0) | (zip ? Flag.gzip : 0)
    call.message = this.#stream.send(call, flags, zip ? compress(payload) : payload, timeoutOf(call))
    if (isOneway) {
      call.succeed(undefined, NO_METADATA)
      return
    }
    call.holder = this
    this.#pending.add(call)
    this.#latency.sent(call.seq)
  }

  /** A late reply is then dropped. Go has no frame that cancels a call. */
  forget(call: Call): void {
    this.#pending.take(call.seq)
    this.#latency.ended(call.seq, performance.now())
    if (this.#closing) this.#endWhenIdle()
  }

  /** Asks for a sign of life, and tells when it comes. */
  ask(onAlive: () => void): void {
    this.#heartbeat.ask(onAlive)
  }

  /** Takes no more calls and closes when the last one has its reply. */
  retire(): void {
    this.#closing = true
    this.#endWhenIdle()
  }

  /** Cuts the server off now. */
  destroy(error: Error): void {
    this.#stream.destroy(error)
  }

  /** Sends what is queued and closes; cuts a server off that does not follow within `CLOSE_MS`. */
  end(): void {
    this.#stream.end()
    this.#closeTimer ??= setTimeout(() => this.#stream.destroy(), CLOSE_MS)
  }

  received(message: Message): void {
    if (message.isHeartbeat) {
      this.#heartbeat.answered()
      return
    }
    if (!message.isResponse && message.isOneway) {
      this.#push(message)
      return
    }
    // Who offers nothing takes it for a reply, as Go's clients do.
    if (!message.isResponse && this.#options.offered !== undefined) {
      this.#offers ??= this.#options.offered.over(this.#stream)
      this.#offers.serve(message.kept())
      return
    }
    const call = this.#replied(message.seq)
    if (call === undefined) return
    this.#answer(call, message)
    if (this.#closing) this.#endWhenIdle()
  }

  /** Only the call whose reply it is fails. */
  oversized(frame: OversizedFrame): boolean {
    if ((frame.flags & Flag.heartbeat) !== 0) return false
    if ((frame.flags & (Flag.response | Flag.oneway)) === 0) {
      this.#stream.refuse(frame, oversizedError('the call', frame))
      return true
    }
    if ((frame.flags & Flag.response) === 0) {
      this.#options.pushFailed(this.#address, oversizedError('the message', frame))
      return true
    }
    const call = this.#replied(frame.seq)
    if (call === undefined) return true
    call.fail(oversizedError(`${call.service}.${call.method}: the reply of ${this.#address}`, frame))
    if (this.#closing) this.#endWhenIdle()
    return true
  }

  drained(): void {
    this.#owner.drained()
  }

  closed(error: Error | undefined): void {
    this.#heartbeat.stop()
    clearTimeout(this.#closeTimer)
    this.#owner.closed(error)
    const proof = this.#nothingRan(error)
    for (const call of [...this.#pending]) {
      this.#pending.take(call.seq)
      call.holder = undefined
      const why = error === undefined ? this.#whyClosed() : reasonOf(error)
      const text = `${call.service}.${call.method}: lost the connection to ${this.#address}: ${why}`
      const failure = proof ?? new RpcxError('ERR_RPCX_UNAVAILABLE', text, { cause: error })
      this.#owner.failed(call, failure, proof === undefined && this.#stream.wasSent(call.message))
    }
  }

  /** A TLS server of others closes without a word when it is asked in plain text, as anything may that is no server of rpcx. */
  #whyClosed(): string {
    if (this.#stream.hasRead) return 'it closed it'
    const isPlain = !(this.#socket as TLSSocket).encrypted
    return `it closed it before it answered anything; is it the port of an rpcx server${isPlain ? ', and does it expect TLS?' : '?'}`
  }

  /** What proves that the server has run nothing of what we sent. */
  #nothingRan(error: Error | undefined): RpcxError | undefined {
    if (!this.#stream.hasRead && isCertificateRefusal(this.#socket, error)) return tlsError(error)
    if (!isForeign(error)) return undefined
    const code = isForeignTls(error) ? 'ERR_RPCX_TLS' : error.code
    return new RpcxError(code, `${this.#address}: ${reasonOf(error)}`, { cause: error, fatal: true })
  }

  /** The call that has its reply now; `undefined` when it has ended before. */
  #replied(seq: Seq): Call | undefined {
    this.replies++
    const call = this.#pending.take(seq)
    if (call === undefined) {
      this.lateReplies++
      return undefined
    }
    call.holder = undefined
    this.#latency.ended(call.seq, this.#stream.lastReadAt)
    return call
  }

  #push(message: Message): void {
    try {
      const payload = decompress(message.payload, message.flags, this.#options.maxFrameBytes)
      this.#options.pushed(pushedMessage(message, payload, this.#address))
    } catch (error) {
      this.#options.pushFailed(this.#address, error as RpcxError)
    }
  }

  #endWhenIdle(): void {
    if (this.#pending.size === 0) this.end()
  }

  #answer(call: Call, message: Message): void {
    if (message.isError) {
      const error = inTime(errorOf(message, decodeDetails), call)
      if (error.code === 'ERR_RPCX_NOT_EXECUTED') {
        this.#owner.failed(call, error, false)
      } else {
        call.fail(error)
        // A caller's mistake says nothing about the server, and what its service declares says that it works.
        if (!CALLERS_FAULTS.has(error.code) && error.serviceCode === undefined) this.#owner.erred(error)
      }
      return
    }
    let reply: unknown
    try {
      const payload = decompress(message.payload, message.flags, this.#options.maxFrameBytes)
      reply = call.methodCodec.decode(call.method, message.serialize, payload)
    } catch (cause) {
      const text = `${call.methodCodec.service}.${call.method}: cannot decode the reply: ${reasonOf(cause)}`
      call.fail(new RpcxError('ERR_RPCX_CODEC', text, { cause }))
      return
    }
    call.succeed(reply, call.wanted === 'invocation' ? message.metadata : NO_METADATA)
  }

  #sendHeartbeat(metadata = NO_METADATA): void {
    this.#stream.send({ ...HEARTBEAT, metadata, seq: this.#seq++ }, Flag.heartbeat, clock())
  }
}

const CLOSE_MS = 1_000

const CALLERS_FAULTS: ReadonlySet<RpcxErrorCode> = new Set(['ERR_RPCX_ARGUMENT', 'ERR_RPCX_FRAME'])

const ANNOUNCEMENT: Metadata = { [ReservedKey.peer]: TWO_WAY }

const HEARTBEAT = {
  serialize: Serialize.msgpack,
  service: '',
  method: '',
}

/** A server that stops at the deadline of the call says so in Go's words, perhaps before we notice ourselves: there is one code for that. */
function inTime(error: RpcxError, { service, method, timeoutMs }: Call): RpcxError {
  const { metadata, serviceCode } = error
  const isDeadline = error.message === 'context deadline exceeded' && serviceCode === undefined
  if (!isDeadline || timeoutMs === Number.POSITIVE_INFINITY) return error
  return new RpcxError('ERR_RPCX_TIMEOUT', `${service}.${method}: ${reasonOf(error)}`, {
    cause: error,
    metadata,
  })
}

/** The time as Go's clients send it: nanoseconds in a MessagePack int64. */
function clock(): Buffer {
  const payload = Buffer.alloc(9, 0xd3)
  payload.writeBigInt64BE(BigInt(Date.now()) * 1_000_000n, 1)
  return payload
}

/** What is left of the deadline now, in whole milliseconds; 0 when there is none. */
function timeoutOf({ deadline, timeoutMs }: Call): number {
  if (timeoutMs === Number.POSITIVE_INFINITY) return 0
  const left = deadline === Number.POSITIVE_INFINITY ? timeoutMs : deadline - performance.now()
  return Math.max(Math.ceil(left), 1)
}
