import type { IncomingCall } from '../call/incoming-call.ts'
import { textsOf } from '../call/reply-metadata.ts'
import { checkMetadata, NO_METADATA } from '../call-metadata.ts'
import { isThenable, toError, watchRejection } from '../callbacks.ts'
import { declaredError } from '../codec/error-details.ts'
import type { RpcxErrorCode } from '../errors.ts'
import { codeOf } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Authenticate } from './authentication.ts'
import { authenticationError } from './authentication.ts'
import { HEALTH_SERVICE } from './health.ts'
import type { Meters } from './meters.ts'
import type { ServerEvents } from './plugin.ts'
import type { Plugins } from './plugins.ts'
import type { Method, Services } from './services.ts'

/** The parts of a server that the runner uses. */
export interface RunnerHost {
  readonly services: Services
  readonly meters: Meters
  readonly events: Events<ServerEvents>
  readonly authenticate: Authenticate | undefined
  /** Whether `_health.Check` skips `authenticate`. */
  readonly publicHealth: boolean
  readonly plugins: Plugins
}

/** Runs calls from their arguments to their replies. Its methods never throw, because no caller could handle the error. */
export class Runner {
  readonly #host: RunnerHost

  constructor(host: RunnerHost) {
    this.#host = host
  }

  /** Runs a call. Before the caller is authenticated, nothing of the call is decompressed, decoded or kept. */
  run(call: IncomingCall): void {
    const { authenticate, publicHealth } = this.#host
    if (authenticate === undefined || call.isKnown || (publicHealth && call.service === HEALTH_SERVICE))
      this.#serve(call)
    else this.#authenticate(call, authenticate)
  }

  /** Answers a call that did not run. */
  refuse(call: IncomingCall, error: unknown): void {
    this.#fail(call, error, codeOf(error))
  }

  #authenticate(call: IncomingCall, authenticate: Authenticate): void {
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

  #known(call: IncomingCall): void {
    try {
      call.source.known(call)
    } catch (error) {
      this.#fail(call, error, codeOf(error))
      return
    }
    // While `authenticate` was pending, other calls may have used up the limits.
    if (call.isKnown) call.source.admit(call)
    else this.#serve(call)
  }

  async #awaitVerdict(call: IncomingCall, verdict: PromiseLike<unknown>): Promise<void> {
    const { source, byteLength } = call
    try {
      source.asking(byteLength)
    } catch (error) {
      // The call is refused, so a rejection of the promise does not matter.
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
      source.asked(byteLength)
    }
    if (!isGood) {
      this.#unauthenticated(call, undefined)
    } else if (source.gone === undefined) {
      call.isKnown = true
      this.#known(call)
    }
  }

  /** Refuses the call and closes the connection, as Go's server does. */
  #unauthenticated(call: IncomingCall, thrown: unknown): void {
    const { service, method, remoteAddress, source } = call
    const error = authenticationError(thrown)
    this.#host.events.emit('authenticationFailed', { remoteAddress, service, method, error })
    this.#fail(call, error, error.code)
    source.end()
  }

  #serve(call: IncomingCall): void {
    const { services, plugins } = this.#host
    const hooks = plugins.calls
    const { service } = call
    let method: Method | undefined
    let args: unknown
    try {
      method = services.find(service, call.method)
      call.source.uses(service)
      args = call.args(method.types?.args)
      hooks?.beforeCall(call, args)
    } catch (error) {
      if (!call.isBroken) this.#fail(call, error, codeOf(error), method)
      return
    }
    try {
      const result = hooks === undefined ? method.call(args, call) : hooks.around(call, args, method)
      // Only asynchronous calls count as running and hold memory.
      if (isThenable(result)) void this.#await(call, method, result)
      else this.#succeed(call, method, result)
    } catch (error) {
      this.#threw(call, method, error)
    }
  }

  async #await(call: IncomingCall, method: Method, promise: PromiseLike<unknown>): Promise<void> {
    call.source.began(call.hold())
    method.meter.inFlight++
    try {
      const result = await promise
      this.#succeed(call, method, result)
    } catch (error) {
      this.#threw(call, method, error)
    } finally {
      method.meter.inFlight--
      call.source.ended(call.release())
    }
  }

  #succeed(call: IncomingCall, method: Method, result: unknown): void {
    const hooks = this.#host.plugins.calls
    call.end()
    hooks?.afterCall(call, undefined)
    let replyBytes = 0
    // A one-way call and a closed connection need no reply.
    const isWanted = !call.isOneway && call.source.gone === undefined
    if (isWanted) {
      hooks?.beforeWrite(call, undefined)
      const metadata = call.replyMetadata ?? NO_METADATA
      try {
        checkMetadata('responseMetadata', metadata)
        replyBytes = call.answer(result, method.types?.reply, metadata)
      } catch (error) {
        this.#fail(call, error, codeOf(error), method)
        return
      }
    }
    this.#host.meters.answered(call, method.meter, replyBytes)
    hooks?.afterWrite(call, undefined)
  }

  /**
   * Fails a call with `ERR_RPCX_SERVICE`, whatever the method threw. A code that the method got from another server, such as
   * `ERR_RPCX_NOT_EXECUTED`, says nothing about this call.
   */
  #threw(call: IncomingCall, method: Method, thrown: unknown): void {
    call.end()
    this.#host.plugins.calls?.afterCall(call, asError(thrown, call))
    this.#fail(call, thrown, 'ERR_RPCX_SERVICE', method)
  }

  /** @param method the method of the call, if it was found */
  #fail(call: IncomingCall, thrown: unknown, code: RpcxErrorCode, method?: Method): void {
    const { service, method: name } = call
    const { plugins, events, meters } = this.#host
    const hooks = plugins.calls
    call.end()
    const error = asError(thrown, call)
    meters.failed(code)
    if (method !== undefined) {
      method.meter.failed(code)
      meters.answered(call, method.meter, 0)
    }
    if (call.isOneway) {
      events.emit('onewayFailed', { service, method: name, error })
      return
    }
    hooks?.beforeWrite(call, error)
    const declared = declaredError(thrown, failed =>
      events.callbackFailed(`ServiceError of ${service}.${name}`, failed),
    )
    // Without the stack, which would show the caller how this server is built.
    const message = saysNothing(thrown) ? '' : error.message
    call.fail({ code, message, declared }, textsOf(call.replyMetadata))
    hooks?.afterWrite(call, error)
  }
}

/**
 * Returns whether an error carries nothing but an empty message. Go's server sends it as an empty string, and the client words the error.
 */
function saysNothing(thrown: unknown): boolean {
  try {
    if (!(thrown instanceof Error) || thrown.message !== '' || thrown.cause !== undefined) return false
    return !('errors' in thrown) && !('code' in thrown)
  } catch {
    return false
  }
}

/** Returns an Error for any thrown value. */
function asError(thrown: unknown, { service, method }: IncomingCall): Error {
  return toError(thrown, `${service}.${method}`)
}
