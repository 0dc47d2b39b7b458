import type { Duplex } from 'node:stream'
import type { Codec } from '../codec/codec.ts'
import type { Codecs } from '../codec/codecs.ts'
import { RpcxError } from '../errors.ts'
import type { FrameStreamOwner } from '../transport/frame-stream.ts'
import { FrameStream } from '../transport/frame-stream.ts'
import { COMPRESS_OVER_BYTES, compress, decompress } from '../wire/compress.ts'
import { Flag, Serialize } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import { NO_METADATA } from '../wire/pairs.ts'
import type { Call, Holder } from './call.ts'
import { Pending } from './pending.ts'
import { errorOf } from './reply-error.ts'

/** What the connections of a client have in common. */
export interface ConnectionOptions {
  readonly service: string
  /** What arguments are encoded by. */
  readonly codec: Codec
  /** What replies may come in. */
  readonly codecs: Codecs
  /** Message types by method. */
  readonly types: Readonly<Record<string, { readonly args?: unknown; readonly reply?: unknown }>>
  readonly compress: boolean
  readonly heartbeatMs: number
  readonly maxFrameBytes: number
  readonly maxBufferedBytes: number
}

/** Who decides what becomes of a call and of its server. */
export interface ConnectionOwner {
  /** `mayHaveRun`: the server may have got it. */
  failed(call: Call, error: RpcxError, mayHaveRun: boolean): void
  /** Once, before the pending calls fail. */
  closed(error: Error | undefined): void
}

/** One connection to a server: many calls at once, told apart by their `seq`. */
export class Connection implements FrameStreamOwner, Holder {
  readonly #address: string
  readonly #options: ConnectionOptions
  readonly #owner: ConnectionOwner
  readonly #stream: FrameStream
  readonly #pending = new Pending()
  readonly #heartbeat: NodeJS.Timeout | undefined
  #heartbeatSentAt = Number.POSITIVE_INFINITY
  #seq = 0
  #closing = false
  #closeTimer: NodeJS.Timeout | undefined

  constructor(stream: Duplex, address: string, options: ConnectionOptions, owner: ConnectionOwner) {
    const { maxFrameBytes, heartbeatMs } = options
    this.#address = address
    this.#options = options
    this.#owner = owner
    this.#stream = new FrameStream(stream, this, { maxFrameBytes, pausesReads: false })
    if (heartbeatMs > 0) this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs).unref()
  }

  get inFlight(): number {
    return this.#pending.size
  }

  /** The calls that wait for their reply. */
  get calls(): Iterable<Call> {
    return this.#pending
  }

  /** Whether the server ever said anything. */
  get wasUsed(): boolean {
    return this.#stream.hasRead
  }

  send(call: Call): void {
    const { method } = call
    const { service, codec, maxBufferedBytes } = this.#options
    if (this.#stream.bufferedBytes > maxBufferedBytes) {
      const text = `${service}.${method}: ${this.#address} does not read; ${maxBufferedBytes} bytes wait for it`
      this.#owner.failed(call, new RpcxError('ERR_RPCX_UNAVAILABLE', text), false)
      return
    }
    let payload: Uint8Array
    try {
      payload = codec.encode(call.args, this.#options.types[method]?.args)
    } catch (cause) {
      const text = `${service}.${method}: cannot encode the arguments: ${(cause as Error).message}`
      call.fail(new RpcxError('ERR_RPCX_ARGUMENT', text, { cause }))
      return
    }
    const isOneway = call.wanted === 'nothing'
    const zip = this.#options.compress && payload.length > COMPRESS_OVER_BYTES
    call.seq = this.#seq++
    call.message = this.#stream.send({
      flags: (isOneway ? Flag.oneway : 0) | (zip ? Flag.gzip : 0),
      serialize: codec.id,
      seq: call.seq,
      service,
      method,
      metadata: call.metadata,
      timeoutMs: timeoutOf(call),
      payload: zip ? compress(payload) : payload,
    })
    if (isOneway) {
      call.succeed(undefined, NO_METADATA)
      return
    }
    call.holder = this
    this.#pending.add(call)
  }

  /** A late reply is then dropped. Go has no frame that cancels a call. */
  forget(call: Call): void {
    this.#pending.take(call.seq)
    if (this.#closing) this.#endWhenIdle()
  }

  /** Takes no more calls and closes when the last one has its reply. */
  retire(): void {
    this.#closing = true
    this.#endWhenIdle()
  }

  /** Sends what is queued and closes; cuts a server off that does not follow within `CLOSE_MS`. */
  end(): void {
    this.#stream.end()
    this.#closeTimer ??= setTimeout(() => this.#stream.destroy(), CLOSE_MS)
  }

  received(message: Message): void {
    // A heartbeat was heard of by its bytes; a one-way request is a push.
    if (message.isHeartbeat || (!message.isResponse && message.isOneway)) return
    const call = this.#pending.take(message.seq)
    if (call === undefined) return
    call.holder = undefined
    this.#answer(call, message)
    if (this.#closing) this.#endWhenIdle()
  }

  closed(error: Error | undefined): void {
    clearInterval(this.#heartbeat)
    clearTimeout(this.#closeTimer)
    this.#owner.closed(error)
    for (const call of [...this.#pending]) {
      this.#pending.take(call.seq)
      call.holder = undefined
      const text = `${this.#options.service}.${call.method}: lost the connection to ${this.#address}`
      const mayHaveRun = this.#stream.wasSent(call.message)
      this.#owner.failed(call, new RpcxError('ERR_RPCX_UNAVAILABLE', text, { cause: error }), mayHaveRun)
    }
  }

  #endWhenIdle(): void {
    if (this.#pending.size === 0) this.end()
  }

  #answer(call: Call, message: Message): void {
    if (message.isError) {
      const error = errorOf(message)
      if (error.code === 'ERR_RPCX_NOT_EXECUTED') this.#owner.failed(call, error, false)
      else call.fail(error)
      return
    }
    let reply: unknown
    try {
      reply = this.#decode(call, message)
    } catch (cause) {
      const text = `${this.#options.service}.${call.method}: cannot decode the reply: ${(cause as Error).message}`
      call.fail(new RpcxError('ERR_RPCX_CODEC', text, { cause }))
      return
    }
    call.succeed(reply, call.wanted === 'invocation' ? message.metadata : NO_METADATA)
  }

  /** By the codec that the reply names, as Go's clients do. */
  #decode(call: Call, message: Message): unknown {
    const payload = decompress(message.payload, message.flags, this.#options.maxFrameBytes)
    // Go sends nothing at all when there is nothing to say.
    if (payload.length === 0 && message.serialize !== Serialize.raw) return undefined
    return this.#options.codecs
      .byId(message.serialize)
      .decode(payload, this.#options.types[call.method]?.reply)
  }

  #beat(): void {
    const now = performance.now()
    const { lastReadAt } = this.#stream
    if (lastReadAt >= this.#heartbeatSentAt) this.#heartbeatSentAt = Number.POSITIVE_INFINITY
    if (this.#heartbeatSentAt < now) {
      // An answer that came while this process was busy is read before this runs.
      setImmediate(() => this.#miss())
    } else if (lastReadAt <= now - this.#options.heartbeatMs) {
      this.#heartbeatSentAt = now
      this.#stream.send({ ...HEARTBEAT, seq: this.#seq++, payload: clock() })
    }
  }

  #miss(): void {
    if (this.#stream.lastReadAt >= this.#heartbeatSentAt) return
    const text = `${this.#address}: no answer to a heartbeat within ${this.#options.heartbeatMs} ms`
    this.#stream.destroy(new RpcxError('ERR_RPCX_UNAVAILABLE', text))
  }
}

const CLOSE_MS = 1_000

const HEARTBEAT = {
  flags: Flag.heartbeat,
  serialize: Serialize.msgpack,
  service: '',
  method: '',
  metadata: NO_METADATA,
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
