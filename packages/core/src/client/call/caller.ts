import { limitOf, metadataOf } from '../../call/parent-call.ts'
import type { Metadata } from '../../call-metadata.ts'
import { NO_METADATA } from '../../call-metadata.ts'
import type { Clock } from '../../clock.ts'
import { RpcxError } from '../../errors.ts'
import { checkMethodName, checkMs } from '../../options.ts'
import { reasonOf } from '../../reason.ts'
import { ReservedKey } from '../../wire/header.ts'
import { MAX_NAMES_BYTES } from '../../wire/message.ts'
import type { Dispatcher } from '../endpoints/dispatcher.ts'
import type { Wanted } from './call.ts'
import { Call } from './call.ts'
import type { CallOptions } from './call-options.ts'
import { checkCallOptions } from './call-options.ts'
import { Deadlines } from './deadlines.ts'
import type { MethodCodec } from './method-codec.ts'
import { Token } from './token.ts'

export interface CallerOptions {
  readonly clock: Clock
  readonly methodCodec: MethodCodec
  readonly timeoutMs: number
  readonly isIdempotent: (method: string) => boolean
  readonly token: string | (() => string | Promise<string>) | undefined
}

/** Makes the calls of one service, starts them, and fails them at their deadline. */
export class Caller {
  readonly dispatcher: Dispatcher
  readonly #options: CallerOptions
  /** Metadata that the client sends with every call. */
  readonly #metadata: Metadata
  /** The source of tokens when `token` is a function, which is called before each call. */
  readonly #token: Token | undefined
  readonly #deadlines: Deadlines
  readonly #noList: () => unknown
  #isClosed = false

  /** @param noList returns why there is no list of servers yet */
  constructor(dispatcher: Dispatcher, options: CallerOptions, noList: () => unknown) {
    const { clock, token } = options
    this.#noList = noList
    this.dispatcher = dispatcher
    this.#options = options
    this.#metadata = typeof token === 'string' ? { [ReservedKey.auth]: token } : NO_METADATA
    this.#token = typeof token === 'function' ? new Token(token) : undefined
    this.#deadlines = new Deadlines(
      clock,
      () => this.#calls(),
      call => this.#expired(call),
      ({ holder }) => holder?.heardAt ?? Number.NEGATIVE_INFINITY,
    )
  }

  get methodCodec(): MethodCodec {
    return this.#options.methodCodec
  }

  /** Whether all calls have ended. */
  get isIdle(): boolean {
    return this.#calls().next().done === true
  }

  /** Returns a new call without starting it. @throws what is wrong with the call, or the reason of its signal */
  make(method: string, args: unknown, wanted: Wanted, options: CallOptions): Call {
    const { methodCodec } = this.#options
    const { service } = methodCodec
    checkMethodName(method)
    checkCallOptions(options)
    if (this.#isClosed) throw closedError(service, method)
    // In UTF-8, a UTF-16 code unit takes 3 bytes at most: most names need no exact count.
    if (
      3 * (service.length + method.length) > MAX_NAMES_BYTES &&
      Buffer.byteLength(service + method) > MAX_NAMES_BYTES
    )
      throw new RpcxError(
        'ERR_RPCX_ARGUMENT',
        `call: the names of service and method have more than ${MAX_NAMES_BYTES} bytes`,
      )
    const { timeoutMs = this.#options.timeoutMs, idempotent, signal, parent } = options
    if (timeoutMs !== this.#options.timeoutMs) checkMs('call', 'timeoutMs', timeoutMs)
    signal?.throwIfAborted()
    parent?.signal.throwIfAborted()
    const metadata = metadataOf(options, this.#metadata)
    const isIdempotent = idempotent ?? this.#options.isIdempotent(method)
    const limitMs = limitOf(this.#options.clock, timeoutMs, parent)
    if (limitMs <= 0) throw pastError(service, method)
    const call = new Call(
      methodCodec,
      method,
      args,
      wanted,
      metadata,
      isIdempotent,
      limitMs,
      this.#deadlines.start(limitMs),
    )
    if (signal !== undefined || parent !== undefined) call.endWith(signal, parent?.signal)
    return call
  }

  start(call: Call): void {
    if (this.#token === undefined) this.dispatcher.start(call)
    else this.#token.attach(call, ready => this.dispatcher.start(ready))
  }

  /** Fails the pending calls and releases the servers. */
  close(): void {
    this.#isClosed = true
    for (const call of [...this.#calls()]) call.fail(closedError(call.methodCodec.service, call.method))
    this.#deadlines.close()
    this.dispatcher.close()
  }

  /** Yields every call that has not ended. */
  *#calls(): Generator<Call> {
    if (this.#token !== undefined) yield* this.#token.calls
    yield* this.dispatcher.calls()
  }

  /** Returns the error of a call that found no server before its deadline. */
  noServersInTime(method: string): RpcxError {
    const name = `${this.methodCodec.service}.${method}`
    if (this.dispatcher.endpoints.hasList)
      return new RpcxError('ERR_RPCX_TIMEOUT', `${name}: no server was available before the deadline`)
    const cause = this.#noList()
    const why = cause === undefined ? 'the registry has not answered' : reasonOf(cause)
    return new RpcxError('ERR_RPCX_REGISTRY', `${name}: no list of servers before the deadline: ${why}`, {
      cause,
    })
  }

  #expired(call: Call): void {
    if (!this.dispatcher.endpoints.hasList) {
      call.fail(this.noServersInTime(call.method))
      return
    }
    const { name, server: handle, failures: attempts = [] } = call
    const error = new RpcxError('ERR_RPCX_TIMEOUT', `${name}: ${missing(call)} within the deadline`, {
      cause: call.lastError ?? handle?.lastError,
      attempts,
    })
    handle?.timedOut(call, error)
    call.fail(error)
  }
}

/** Returns what the call was waiting for, for an error message. */
function missing({ server: handle, holder }: Call): string {
  if (handle === undefined) return 'no server was available'
  const { address } = handle.endpoint
  return holder?.heardAt !== undefined ? `no reply from ${address}` : `it could not be sent to ${address}`
}

function closedError(service: string, method: string): RpcxError {
  return new RpcxError('ERR_RPCX_CLOSED', `${service}.${method}: the client is closed`)
}

export function pastError(service: string, method: string): RpcxError {
  const text = `${service}.${method}: the deadline of the call that it is made for has passed`
  return new RpcxError('ERR_RPCX_TIMEOUT', text)
}
