import type { Duplex } from 'node:stream'
import type { Codec } from '../codec/codec.ts'
import type { Codecs } from '../codec/codecs.ts'
import type { RpcxErrorCode } from '../errors.ts'
import { RpcxError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { FrameStreamOwner } from '../transport/frame-stream.ts'
import { FrameStream } from '../transport/frame-stream.ts'
import { COMPRESS_OVER_BYTES, compress, decompress } from '../wire/compress.ts'
import { Flag, ReservedKey } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import type { Metadata } from '../wire/pairs.ts'
import { NO_METADATA } from '../wire/pairs.ts'
import type { CallOrigin } from './context.ts'
import { ServedCall } from './context.ts'
import type { Meters } from './meters.ts'
import type { ServerEvents } from './plugin.ts'
import type { Method, Services } from './services.ts'

/** What all sessions of a server share. */
export interface SessionHost {
  readonly services: Services
  readonly codecs: Codecs
  readonly meters: Meters
  readonly events: Events<ServerEvents>
  readonly maxFrameBytes: number
  /** Whether further requests are refused because the server closes. */
  isDraining(): boolean
  closed(session: Session): void
}

/** One connection of a server: requests in, replies out, in whatever order the methods settle. */
export class Session implements FrameStreamOwner, CallOrigin {
  readonly remoteAddress: string
  readonly watched: Set<ServedCall> = new Set()
  readonly #host: SessionHost
  readonly #stream: FrameStream
  #inFlight = 0
  #gone: Error | undefined
  #lingering: NodeJS.Timeout | undefined

  constructor(stream: Duplex, remoteAddress: string, host: SessionHost) {
    this.remoteAddress = remoteAddress
    this.#host = host
    this.#stream = new FrameStream(stream, this, { maxFrameBytes: host.maxFrameBytes, pausesReads: true })
    host.meters.connections.mark()
    host.events.emit('connectionOpened', { remoteAddress })
  }

  /** Calls whose reply is still owed. */
  get inFlight(): number {
    return this.#inFlight
  }

  get gone(): Error | undefined {
    return this.#gone
  }

  /** When the peer last sent anything, by `performance.now()`. */
  get lastReadAt(): number {
    return this.#stream.lastReadAt
  }

  close(reason?: Error): void {
    this.#stream.destroy(reason)
  }

  /** Closes once no call runs and nothing came for `lingerMs`, counted from now at the earliest. */
  drain(lingerMs: number): void {
    const since = performance.now()
    const check = (): void => {
      const quietMs = performance.now() - Math.max(since, this.lastReadAt)
      if (this.#inFlight === 0 && quietMs >= lingerMs) this.#stream.end()
      else this.#lingering = setTimeout(check, Math.max(lingerMs - quietMs, 10))
    }
    check()
  }

  received(message: Message): void {
    const payload = decompress(message.payload, message.flags, this.#host.maxFrameBytes)
    if (message.isHeartbeat) {
      this.#stream.echo(message)
      return
    }
    this.#host.meters.calls.mark()
    try {
      if (this.#host.isDraining()) throw new RpcxError('ERR_RPCX_NOT_EXECUTED', 'rpcx: the server is closing')
      const method = this.#host.services.find(message.service, message.method)
      const codec = this.#host.codecs.byId(message.serialize)
      const args = decodeArgs(codec, payload, method)
      this.#run(message, codec, method, args)
    } catch (error) {
      this.#replyError(message, undefined, error, (error as RpcxError).code)
    }
  }

  closed(error: Error | undefined): void {
    const { remoteAddress } = this
    const reason = new RpcxError('ERR_RPCX_CLOSED', `session: the connection of ${remoteAddress} is gone`, {
      cause: error,
    })
    this.#gone = reason
    clearTimeout(this.#lingering)
    for (const call of this.watched) call.abort(reason)
    this.#host.events.emit('connectionClosed', { remoteAddress, ...(error && { error }) })
    this.#host.closed(this)
  }

  #run(message: Message, codec: Codec, method: Method, args: unknown): void {
    const call = new ServedCall(message, this)
    try {
      const result = method.call(args, call)
      if (isThenable(result)) void this.#await(message, codec, method, call, result)
      else this.#reply(message, codec, method, call, result)
    } catch (error) {
      this.#replyError(message, call, error, 'ERR_RPCX_SERVICE')
    }
  }

  async #await(
    message: Message,
    codec: Codec,
    method: Method,
    call: ServedCall,
    promise: PromiseLike<unknown>,
  ): Promise<void> {
    this.#inFlight++
    try {
      const result = await promise
      this.#reply(message, codec, method, call, result)
    } catch (error) {
      this.#replyError(message, call, error, 'ERR_RPCX_SERVICE')
    } finally {
      this.#inFlight--
    }
  }

  #reply(message: Message, codec: Codec, method: Method, call: ServedCall, result: unknown): void {
    call.end()
    if (message.isOneway) return
    const metadata = call.reply ?? NO_METADATA
    for (const key in metadata) checkText(key, metadata[key])
    let payload: Uint8Array
    try {
      payload = codec.encode(result, method.types?.reply)
    } catch (error) {
      this.#replyError(message, call, error, 'ERR_RPCX_CODEC')
      return
    }
    this.#send(message, 0, metadata, payload)
  }

  /**
   * A method's own failure is always `ERR_RPCX_SERVICE`, whatever it threw: a code that it got from a server further on
   * (`ERR_RPCX_NOT_EXECUTED`, say) says nothing about this call. Never throws: nobody is left to tell.
   */
  #replyError(message: Message, call: ServedCall | undefined, thrown: unknown, code: RpcxErrorCode): void {
    call?.end()
    const error = asError(thrown, message)
    if (message.isOneway) {
      const { service, method } = message
      this.#host.events.emit('onewayFailed', { service, method, error })
      return
    }
    // The message only: a stack would show the caller how this server is built.
    const metadata = { ...textsOf(call?.reply), [ReservedKey.error]: error.message, [ReservedKey.code]: code }
    this.#send(message, Flag.error, metadata, EMPTY)
  }

  #send(request: Message, status: number, metadata: Metadata, payload: Uint8Array): void {
    // Go compresses a reply when the request announced a compression, however small the request was.
    const zip = payload.length > COMPRESS_OVER_BYTES && (request.flags & Flag.compress) !== 0
    this.#stream.send({
      flags: Flag.response | status | (zip ? Flag.gzip : 0),
      version: request.version,
      serialize: request.serialize,
      seq: request.seq,
      service: request.service,
      method: request.method,
      metadata,
      payload: zip ? compress(payload) : payload,
    })
  }
}

const EMPTY = new Uint8Array(0)

function decodeArgs(codec: Codec, payload: Buffer, method: Method): unknown {
  try {
    return codec.decode(payload, method.types?.args)
  } catch (cause) {
    throw new RpcxError('ERR_RPCX_ARGUMENT', (cause as Error).message, { cause })
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}

/** Anything can be thrown, and not everything has a text. */
function asError(thrown: unknown, { service, method }: Message): Error {
  try {
    if (!(thrown instanceof Error)) return new Error(String(thrown))
    if (typeof thrown.message === 'string') return thrown
  } catch {
    // An object without a prototype has no `toString`.
  }
  return new Error(`${service}.${method} failed`, { cause: thrown })
}

// Methods written in JavaScript may set anything.
function checkText(key: string, value: unknown): void {
  if (typeof value !== 'string')
    throw new TypeError(`responseMetadata: ${key} is ${typeof value}, not a text`)
}

function textsOf(metadata: Metadata = NO_METADATA): Metadata {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => typeof value === 'string'))
}
