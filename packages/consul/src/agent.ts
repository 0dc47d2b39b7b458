import { EventEmitter } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { RegistryHost } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import Consul from 'consul'
import { notConsuls } from './failure.ts'
import type { Access } from './settings.ts'
import type { Shape } from './shapes.ts'
import { Sockets } from './sockets.ts'

/** A read request, which may also wait for a change. */
export interface Question<T> {
  /** The name of the request in errors. */
  readonly what: string
  /** The expected shape of the response, unless the response is empty. */
  readonly shape: Shape
  /** Calls the library with `how` among its options. Resolves to one or several `T`, or to nothing, and the response. */
  get(consul: Consul, how: object): Promise<T | readonly T[] | undefined>
}

/** The current items, and the index after which to wait for the next change. */
export type Answer<T> = { readonly items: readonly T[]; readonly index: bigint }

/** A call of the library, with the options that all operations share. */
export type Operation = (consul: Consul, common: object) => Promise<unknown>

/** One Consul agent. Uses the `consul` library and fills its gaps. */
export class Agent {
  /** Settles when the agent has answered or failed once. All operations wait for it, so a lost agent gets only one connection at a time. */
  readonly ready: Promise<unknown>
  readonly #consul: Consul
  readonly #sockets: Sockets
  readonly #cancels = new Set<() => void>()
  #why: Error | undefined
  #isClosed = false

  constructor(at: RegistryHost, access: Access) {
    const { host, port } = at
    const { token, tls } = access
    this.#sockets = Sockets.take(at, access)
    const options = {
      // The library needs the brackets of an IPv6 address in the URL, but would resolve them as a name. The HTTP agent overrides the host.
      host: host.includes(':') ? `[${host}]` : host,
      port,
      secure: tls !== undefined,
      agent: this.#sockets.http,
      decoders: { 'application/json': parse },
      encoders: { 'application/json': serialize },
      ...(token !== undefined && { defaults: { token } }),
    }
    this.#consul = new Consul(options)
    // The library does not notice when a response is cut off, and waits for its end.
    const library = this.#consul as unknown as Extensible
    library._ext('onRequest', (request, next) => {
      const { transport } = request
      request.transport = { request: options => failingWithAnswer(transport.request(options)) }
      next()
    })
    // The library does not pass on every property of a service registration.
    library._ext('onCreate', ({ opts }, next) => {
      if (opts.body !== undefined) Object.assign(opts.body, opts.ctx?.more)
      next()
    })
    // The library processes a response in an event handler, where an exception would end the process.
    library._ext('onCreate', (request, next) => {
      request._stack = request._stack.map(guarded)
      next()
    })
    library._ext('onResponse', ({ err, res, opts }, next) => {
      const { shape } = opts.ctx ?? {}
      if (err !== undefined || shape === undefined || res?.statusCode !== 200) return next()
      // Parsing a long response takes time. Other work gets a turn of the event loop before the response is checked and decoded.
      if (Array.isArray(res.body) && res.body.length > MANY) setImmediate(() => next(fault(res, shape)))
      else next(fault(res, shape))
    })
    this.ready = this.ask((consul, common) => consul.status.leader(common as never))
    this.ready.catch(() => {})
  }

  /**
   * Runs one operation of the library. The library takes an event instead of an `AbortSignal`, and has no timeout unless each call sets
   * one.
   */
  async ask<T>(
    operation: Operation,
    signal?: AbortSignal,
    shape?: Shape,
    timeout: number = CALL_MS,
  ): Promise<[response: IncomingMessage, body: T | undefined]> {
    const ctx = Object.assign(new EventEmitter(), {
      includeResponse: true,
      canceled: signal?.aborted,
      shape,
    })
    const cancel = (): void => void ctx.emit('cancel')
    this.#cancels.add(cancel)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return (await operation(this.#consul, { ctx, timeout })) as [IncomingMessage, T | undefined]
    } finally {
      this.#cancels.delete(cancel)
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Reads the current items. With `index`, waits at most `waitMs` for a change after it. */
  async read<T>(question: Question<T>, signal: AbortSignal, index = 0n, waitMs = 0): Promise<Answer<T>> {
    const blocking = index === 0n ? {} : { index: String(index), wait: `${Math.round(waitMs)}ms` }
    // Consul adds up to a sixteenth to the wait time.
    const timeoutMs = CALL_MS + waitMs * (1 + 1 / 16)
    const get: Operation = (consul, common) => question.get(consul, { ...blocking, ...common })
    const [response, found = []] = await this.ask<T | T[]>(get, signal, question.shape, timeoutMs)
    const next = String(response.headers['x-consul-index'])
    // The library takes any 404, and any response that is not a list, for a missing key.
    if (/^\d{1,20}$/.test(next)) return { items: [found].flat() as T[], index: BigInt(next) }
    throw notConsuls(response.statusCode)
  }

  /** The failure that closed this agent; `undefined` when it was closed on purpose. */
  get why(): Error | undefined {
    return this.#why
  }

  /**
   * Cancels all operations in progress.
   * @param why why the agent failed, for operations that see only the cancellation
   */
  close(why?: Error): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#why = why
    for (const cancel of this.#cancels) cancel()
    this.#sockets.release(why !== undefined)
  }
}

const CALL_MS = 3_000
/** The number of items from which processing gets its own turn of the event loop. */
const MANY = 500
/** Enough for a hundred thousand servers. */
const MOST_BYTES = 64 * 2 ** 20

type Transport = { request(options: object): ClientRequest }
type Extensible = { _ext(at: string, extension: Extension): void }
type Extension = (request: PapiRequest, next: Next) => void
type Next = (error?: unknown) => void
type PapiResponse = { readonly statusCode?: number; readonly body?: unknown }
type PapiRequest = {
  transport: Transport
  readonly opts: { body?: object; readonly ctx?: { readonly more?: object; readonly shape?: Shape } }
  readonly err?: Error
  readonly res?: PapiResponse
  _stack: readonly Extension[]
}

/** Returns what is wrong with a response that should have this shape. */
function fault({ body, statusCode }: PapiResponse, shape: Shape): unknown {
  try {
    return shape(body) ? undefined : notConsuls(statusCode)
  } catch (error) {
    return error
  }
}

/** Makes a request fail when its response fails or is too long. */
function failingWithAnswer(request: ClientRequest): ClientRequest {
  return request.on('response', response => {
    let bytes = 0
    response.on('error', error => request.emit('error', error))
    response.on('data', chunk => {
      bytes += chunk.length
      if (bytes > MOST_BYTES) response.destroy(tooLong())
    })
  })
}

function tooLong(): RpcxError {
  return new RpcxError('ERR_RPCX_REGISTRY', `an answer of more than ${MOST_BYTES} bytes; is that Consul?`)
}

function guarded(step: Extension): Extension {
  return function (this: unknown, request, next) {
    try {
      step.call(this, request, next)
    } catch (error) {
      next(error)
    }
  }
}

// Flags exceed 2^53, where JavaScript rounds numbers, so they become strings here.
const parse = (text: Buffer): unknown => JSON.parse(`${text}`.replace(/"Flags":(\d+)/g, '"Flags":"$1"'))
const serialize = (body: object): Buffer =>
  Buffer.from(JSON.stringify(body).replace(/"Flags":"(\d+)"/g, '"Flags":$1'))
