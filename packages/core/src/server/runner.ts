import { isThenable, toError, watchRejection } from '../callbacks.ts'
import type { Codec } from '../codec/codec.ts'
import type { Codecs } from '../codec/codecs.ts'
import { declaredError } from '../codec/error-details.ts'
import { decodedBytes } from '../codec/limits.ts'
import type { RpcxErrorCode } from '../errors.ts'
import { isRpcxError, RpcxError } from '../errors.ts'
import type { Events } from '../events.ts'
import { validatedNow } from '../schema.ts'
import { decompress, isTooLong } from '../wire/compress.ts'
import { Flag } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import type { Metadata } from '../wire/pairs.ts'
import { MAX_PAIRS, NO_METADATA } from '../wire/pairs.ts'
import { ERROR_PAIRS, errorMetadata } from '../wire/reply-error.ts'
import type { Authenticate } from './authentication.ts'
import { authenticationError } from './authentication.ts'
import type { ServedCall } from './context.ts'
import { HEALTH_SERVICE } from './health.ts'
import type { Meters } from './meters.ts'
import type { ServerEvents } from './plugin.ts'
import type { Plugins } from './plugins.ts'
import type { Method, Services } from './services.ts'

/** What running calls takes. */
export interface RunnerHost {
  readonly services: Services
  readonly codecs: Codecs
  readonly meters: Meters
  readonly events: Events<ServerEvents>
  readonly authenticate: Authenticate | undefined
  /** Whether the health is told to everybody. */
  readonly publicHealth: boolean
  readonly plugins: Plugins
  readonly maxFrameBytes: number
}

/** Takes calls from their arguments to their answers. Never throws: nobody is left to tell. */
export class Runner {
  readonly #host: RunnerHost

  constructor(host: RunnerHost) {
    this.#host = host
  }

  /** Nothing of a call is inflated, decoded or kept before its caller is known. */
  run(call: ServedCall): void {
    const { authenticate, publicHealth } = this.#host
    if (authenticate === undefined || call.isKnown || (publicHealth && call.service === HEALTH_SERVICE))
      this.#serve(call)
    else this.#authenticate(call, authenticate)
  }

  /** Answers a call that did not run. */
  refuse(call: ServedCall, error: unknown): void {
    this.#fail(call, error, codeOf(error))
  }

  #authenticate(call: ServedCall, authenticate: Authenticate): void {
    let verdict: unknown
    try {
      verdict = authenticate(call)
      if (isThenable(verdict)) {
        void this.#awaitVerdict(call, verdict)
        return
      }
    } catch (thrown) {
      this.#unauthenticated(call, thrown)
      return
    }
    if (verdict === true) this.#known(call)
    else this.#unauthenticated(call, undefined)
  }

  #known(call: ServedCall): void {
    try {
      call.origin.known(call)
    } catch (error) {
      this.#fail(call, error, codeOf(error))
      return
    }
    // While the verdict was waited for, others may have taken its place.
    if (call.isKnown) call.origin.admit(call)
    else this.#serve(call)
  }

  async #awaitVerdict(call: ServedCall, verdict: PromiseLike<unknown>): Promise<void> {
    const { origin, message } = call
    const { size } = message
    try {
      origin.asking(size)
    } catch (error) {
      // Nobody waits for it.
      watchRejection(verdict, () => {})
      this.#fail(call, error, codeOf(error))
      return
    }
    let isGood: boolean
    try {
      isGood = (await verdict) === true
    } catch (thrown) {
      this.#unauthenticated(call, thrown)
      return
    } finally {
      origin.asked(size)
    }
    if (!isGood) {
      this.#unauthenticated(call, undefined)
    } else if (origin.gone === undefined) {
      call.isKnown = true
      this.#known(call)
    }
  }

  /** Says so, and goodbye, as Go's server does. */
  #unauthenticated(call: ServedCall, thrown: unknown): void {
    const { service, method, remoteAddress, origin } = call
    const error = authenticationError(thrown)
    this.#host.events.emit('authenticationFailed', { remoteAddress, service, method, error })
    this.#fail(call, error, error.code)
    origin.end()
  }

  #serve(call: ServedCall): void {
    const { services, codecs, plugins } = this.#host
    const hooks = plugins.calls
    const { message } = call
    const { service } = message
    let method: Method
    let codec: Codec
    let args: unknown
    let inflatedBytes = 0
    try {
      method = services.find(service, message.method)
      call.meter = method.meter
      call.origin.uses(service)
      codec = codecs.byId(message.serialize)
      const sent = message.payload
      const payload = this.#inflate(call, sent)
      if (payload === undefined) return
      args = decodeArgs(codec, payload, method)
      if (payload !== sent) inflatedBytes = payload.length
      hooks?.beforeCall(call, args)
    } catch (error) {
      this.#fail(call, error, codeOf(error))
      return
    }
    try {
      const result = hooks === undefined ? method.call(args, call) : hooks.around(call, args, method)
      // Only such calls hold anything; nothing else was decoded since their arguments were.
      if (isThenable(result))
        void this.#await(call, codec, method, result, decodedBytes(codec) + inflatedBytes)
      else this.#succeed(call, codec, method, result)
    } catch (error) {
      this.#threw(call, error)
    }
  }

  /** `undefined` when it is no gzip: as Go's server, ours then closes the connection. @throws `ERR_RPCX_FRAME` when it is too long */
  #inflate({ message, origin }: ServedCall, payload: Buffer): Buffer | undefined {
    try {
      return decompress(payload, message.flags, this.#host.maxFrameBytes)
    } catch (error) {
      if (isTooLong(error)) throw error
      origin.broken(error as RpcxError)
      return undefined
    }
  }

  /** @param heldBytes what the arguments take beside the bytes that they came in */
  async #await(
    call: ServedCall,
    codec: Codec,
    method: Method,
    promise: PromiseLike<unknown>,
    heldBytes: number,
  ): Promise<void> {
    call.origin.began(heldBytes + call.message.hold())
    method.meter.inFlight++
    try {
      const result = await promise
      this.#succeed(call, codec, method, result)
    } catch (error) {
      this.#threw(call, error)
    } finally {
      method.meter.inFlight--
      call.origin.ended(heldBytes + call.message.release())
    }
  }

  #succeed(call: ServedCall, codec: Codec, method: Method, result: unknown): void {
    const hooks = this.#host.plugins.calls
    const { message } = call
    call.end()
    hooks?.afterCall(call, undefined)
    let payload = EMPTY
    // Nobody is there to read it.
    const isWanted = !message.isOneway && call.origin.gone === undefined
    if (isWanted) {
      hooks?.beforeWrite(call, undefined)
      const metadata = call.reply ?? NO_METADATA
      let code: RpcxErrorCode = 'ERR_RPCX_SERVICE'
      try {
        checkTexts(metadata)
        code = 'ERR_RPCX_CODEC'
        payload = codec.encode(validatedNow(method.types?.reply, result), method.types?.reply)
      } catch (error) {
        this.#fail(call, error, code)
        return
      }
      if (!call.origin.reply(message, 0, metadata, payload)) {
        this.#fail(call, unreadError(call, payload.length), 'ERR_RPCX_FRAME')
        return
      }
    }
    this.#host.meters.answered(call, method.meter, payload.length)
    hooks?.afterWrite(call, undefined)
  }

  /**
   * A method's own failure is always `ERR_RPCX_SERVICE`, whatever it threw: a code that it got from a server further on
   * (`ERR_RPCX_NOT_EXECUTED`, say) says nothing about this call.
   */
  #threw(call: ServedCall, thrown: unknown): void {
    call.end()
    this.#host.plugins.calls?.afterCall(call, asError(thrown, call.message))
    this.#fail(call, thrown, 'ERR_RPCX_SERVICE')
  }

  #fail(call: ServedCall, thrown: unknown, code: RpcxErrorCode): void {
    const { message, meter } = call
    const { plugins, events, meters } = this.#host
    const hooks = plugins.calls
    call.end()
    const error = asError(thrown, message)
    meters.failed(code)
    if (meter !== undefined) {
      meter.failed(code)
      meters.answered(call, meter, 0)
    }
    if (message.isOneway) {
      events.emit('onewayFailed', { service: message.service, method: message.method, error })
      return
    }
    hooks?.beforeWrite(call, error)
    const declared = declaredError(thrown, failed =>
      events.callbackFailed(`ServiceError of ${message.service}.${message.method}`, failed),
    )
    // The message only: a stack would show the caller how this server is built.
    const metadata = { ...textsOf(call.reply), ...errorMetadata(code, error.message, declared) }
    call.origin.reply(message, Flag.error, metadata, EMPTY)
    hooks?.afterWrite(call, error)
  }
}

const EMPTY: Uint8Array = new Uint8Array(0)

function codeOf(error: unknown): RpcxErrorCode {
  return isRpcxError(error) ? error.code : 'ERR_RPCX_SERVICE'
}

function decodeArgs(codec: Codec, payload: Buffer, method: Method): unknown {
  try {
    return validatedNow(method.types?.args, codec.decode(payload, method.types?.args))
  } catch (thrown) {
    const cause = toError(thrown, 'decoding')
    throw new RpcxError('ERR_RPCX_ARGUMENT', cause.message, { cause })
  }
}

/** It did run, but nobody takes what it gave. */
function unreadError({ service, method, remoteAddress }: ServedCall, bytes: number): RpcxError {
  const text = `${service}.${method}: has run, but its reply of ${bytes} bytes is not sent: ${remoteAddress} leaves unread as much as maxUnreadBytesPerConnection allows`
  return new RpcxError('ERR_RPCX_FRAME', text)
}

/** Anything can be thrown, and not everything has a text. */
function asError(thrown: unknown, { service, method }: Message): Error {
  return toError(thrown, `${service}.${method}`)
}

// Methods written in JavaScript may set anything.
function checkTexts(metadata: Metadata): void {
  let pairs = 0
  for (const key in metadata) {
    const value: unknown = metadata[key]
    if (typeof value !== 'string')
      throw new TypeError(`responseMetadata: ${key} is ${typeof value}, not a text`)
    if (++pairs > MAX_PAIRS) throw new RangeError(`responseMetadata: more than ${MAX_PAIRS} keys`)
  }
}

/** Those of them that can be sent, at most as many as are read. */
function textsOf(metadata: Metadata = NO_METADATA): Metadata {
  try {
    const texts = Object.entries(metadata).filter(([, value]) => typeof value === 'string')
    return Object.fromEntries(texts.slice(0, MAX_PAIRS - ERROR_PAIRS))
  } catch {
    // A getter that throws.
    return NO_METADATA
  }
}
