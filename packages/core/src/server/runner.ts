import type { Codec } from '../codec/codec.ts'
import type { Codecs } from '../codec/codecs.ts'
import type { RpcxErrorCode } from '../errors.ts'
import { RpcxError } from '../errors.ts'
import type { Events } from '../events.ts'
import { validatedNow } from '../schema.ts'
import { decompress } from '../wire/compress.ts'
import { Flag, ReservedKey } from '../wire/header.ts'
import type { Message } from '../wire/message.ts'
import type { Metadata } from '../wire/pairs.ts'
import { NO_METADATA } from '../wire/pairs.ts'
import type { Authenticate } from './authentication.ts'
import { authenticationError } from './authentication.ts'
import type { ServedCall } from './context.ts'
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
  readonly plugins: Plugins
  readonly maxFrameBytes: number
}

/** Takes calls from their arguments to their answers. Never throws: nobody is left to tell. */
export class Runner {
  readonly #host: RunnerHost

  constructor(host: RunnerHost) {
    this.#host = host
  }

  run(call: ServedCall): void {
    const { message } = call
    let payload: Buffer
    try {
      payload = decompress(message.payload, message.flags, this.#host.maxFrameBytes)
    } catch (error) {
      call.origin.broken(error as RpcxError)
      return
    }
    if (this.#host.authenticate === undefined) this.#serve(call, payload)
    else this.#authenticate(call, payload, this.#host.authenticate)
  }

  /** Answers a call that did not run. */
  refuse(call: ServedCall, error: RpcxError): void {
    this.#fail(call, error, error.code)
  }

  #authenticate(call: ServedCall, payload: Buffer, authenticate: Authenticate): void {
    let verdict: unknown
    try {
      verdict = authenticate(call)
    } catch (thrown) {
      this.#unauthenticated(call, thrown)
      return
    }
    if (verdict === true) this.#serve(call, payload)
    else if (isThenable(verdict)) void this.#awaitVerdict(call, payload, verdict)
    else this.#unauthenticated(call, undefined)
  }

  async #awaitVerdict(call: ServedCall, payload: Buffer, verdict: PromiseLike<unknown>): Promise<void> {
    const { origin } = call
    origin.began()
    try {
      const isGood = (await verdict) === true
      if (!isGood) this.#unauthenticated(call, undefined)
      else if (origin.gone === undefined) this.#serve(call, payload)
    } catch (thrown) {
      this.#unauthenticated(call, thrown)
    } finally {
      origin.ended()
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

  #serve(call: ServedCall, payload: Buffer): void {
    const { services, codecs, plugins } = this.#host
    const hooks = plugins.calls
    const { message } = call
    const { service } = message
    let method: Method
    let codec: Codec
    let args: unknown
    try {
      method = services.find(service, message.method)
      call.meter = method.meter
      call.origin.uses(service)
      codec = codecs.byId(message.serialize)
      args = decodeArgs(codec, payload, method)
      hooks?.beforeCall(call, args)
    } catch (error) {
      this.#fail(call, error, (error as RpcxError).code)
      return
    }
    try {
      const result = hooks === undefined ? method.call(args, call) : hooks.around(call, args, method)
      if (isThenable(result)) void this.#await(call, codec, method, result)
      else this.#succeed(call, codec, method, result)
    } catch (error) {
      this.#threw(call, error)
    }
  }

  async #await(call: ServedCall, codec: Codec, method: Method, promise: PromiseLike<unknown>): Promise<void> {
    call.origin.began()
    method.meter.inFlight++
    try {
      const result = await promise
      this.#succeed(call, codec, method, result)
    } catch (error) {
      this.#threw(call, error)
    } finally {
      method.meter.inFlight--
      call.origin.ended()
    }
  }

  #succeed(call: ServedCall, codec: Codec, method: Method, result: unknown): void {
    const hooks = this.#host.plugins.calls
    const { message } = call
    call.end()
    hooks?.afterCall(call, undefined)
    let payload = EMPTY
    if (!message.isOneway) {
      hooks?.beforeWrite(call, undefined)
      const metadata = call.reply ?? NO_METADATA
      let code: RpcxErrorCode = 'ERR_RPCX_SERVICE'
      try {
        for (const key in metadata) checkText(key, metadata[key])
        code = 'ERR_RPCX_CODEC'
        payload = codec.encode(validatedNow(method.types?.reply, result), method.types?.reply)
      } catch (error) {
        this.#fail(call, error, code)
        return
      }
      call.origin.reply(message, 0, metadata, payload)
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
    // The message only: a stack would show the caller how this server is built.
    const metadata = { ...textsOf(call.reply), [ReservedKey.error]: error.message, [ReservedKey.code]: code }
    call.origin.reply(message, Flag.error, metadata, EMPTY)
    hooks?.afterWrite(call, error)
  }
}

const EMPTY: Uint8Array = new Uint8Array(0)

function decodeArgs(codec: Codec, payload: Buffer, method: Method): unknown {
  try {
    return validatedNow(method.types?.args, codec.decode(payload, method.types?.args))
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
