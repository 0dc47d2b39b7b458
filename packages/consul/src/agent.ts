import { EventEmitter } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { RegistryHost } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import Consul from 'consul'
import { notConsuls } from './failure.ts'
import type { Access } from './settings.ts'
import type { Shape } from './shapes.ts'
import { Sockets } from './sockets.ts'

/** What is read, and may be waited for. */
export interface Question<T> {
  /** In errors. */
  readonly what: string
  /** Of the answer, unless there is nothing. */
  readonly shape: Shape
  /** Calls the library, with how to ask among the options. Resolves to one or several `T`, or nothing, and the response. */
  get(consul: Consul, how: object): Promise<T | readonly T[] | undefined>
}

/** What is there now, and where to wait from for the next change. */
export type Answer<T> = { readonly items: readonly T[]; readonly index: bigint }

/** Calls the library, with what all its operations have in common among the options. */
export type Operation = (consul: Consul, common: object) => Promise<unknown>

/** One Consul agent, reached by the `consul` library, whose gaps are closed here. */
export class Agent {
  /** Whether it answers at all. However many operations wait for it, a lost Consul sees one connection at a time. */
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
      // The library would look up an IPv6 address with its brackets; what the HTTP agent says counts.
      host: host.includes(':') ? `[${host}]` : host,
      port,
      secure: tls !== undefined,
      agent: this.#sockets.http,
      decoders: { 'application/json': parse },
      encoders: { 'application/json': serialize },
      ...(token !== undefined && { defaults: { token } }),
    }
    this.#consul = new Consul(options)
    // The library does not notice that an answer was cut off, and waits for its end.
    const library = this.#consul as unknown as Extensible
    library._ext('onRequest', (request, next) => {
      const { transport } = request
      request.transport = { request: options => failingWithAnswer(transport.request(options)) }
      next()
    })
    // Nor does it pass on all that a service can be registered with.
    library._ext('onCreate', ({ opts }, next) => {
      if (opts.body !== undefined) Object.assign(opts.body, opts.ctx?.more)
      next()
    })
    // What the library makes of an answer, it makes in an event, where what it throws would end the process.
    library._ext('onCreate', (request, next) => {
      request._stack = request._stack.map(guarded)
      next()
    })
    library._ext('onResponse', ({ err, res, opts }, next) => {
      const { shape } = opts.ctx ?? {}
      if (err !== undefined || shape === undefined || res?.statusCode !== 200) return next()
      // A long answer was only just parsed: everybody else has a turn before it is checked, and the library decodes it.
      if (Array.isArray(res.body) && res.body.length > MANY) setImmediate(() => next(fault(res, shape)))
      else next(fault(res, shape))
    })
    this.ready = this.ask((consul, common) => consul.status.leader(common as never))
    this.ready.catch(() => {})
  }

  /** One operation of the library, which knows an event instead of signals, and no time limit unless told each time. */
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

  /** With `index`, waits for a change after it, for `waitMs` at most. */
  async read<T>(question: Question<T>, signal: AbortSignal, index = 0n, waitMs = 0): Promise<Answer<T>> {
    const blocking = index === 0n ? {} : { index: String(index), wait: `${Math.round(waitMs)}ms` }
    // Consul adds up to a sixteenth to the time.
    const timeoutMs = CALL_MS + waitMs * (1 + 1 / 16)
    const get: Operation = (consul, common) => question.get(consul, { ...blocking, ...common })
    const [response, found = []] = await this.ask<T | T[]>(get, signal, question.shape, timeoutMs)
    const next = String(response.headers['x-consul-index'])
    // The library takes any 404, and any page that is no list, for a key that is not there.
    if (/^\d{1,20}$/.test(next)) return { items: [found].flat() as T[], index: BigInt(next) }
    throw notConsuls(response.statusCode)
  }

  /** Why it was given up, as long as that is no wish of ours. */
  get why(): Error | undefined {
    return this.#why
  }

  /** Ends all that is under way. @param why the agent failed, for those who hear only that they were cancelled */
  close(why?: Error): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#why = why
    for (const cancel of this.#cancels) cancel()
    this.#sockets.release(why !== undefined)
  }
}

const CALL_MS = 3_000
/** Items that are worth a turn of the event loop of their own. */
const MANY = 500
/** Room for a hundred thousand servers. */
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

/** What is wrong with an answer that should have this shape. */
function fault({ body, statusCode }: PapiResponse, shape: Shape): unknown {
  try {
    return shape(body) ? undefined : notConsuls(statusCode)
  } catch (error) {
    return error
  }
}

/** Fails also when its answer does, and when that is too long. */
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

// Flags go beyond 2^53, where numbers are rounded: here they are texts.
const parse = (text: Buffer): unknown => JSON.parse(`${text}`.replace(/"Flags":(\d+)/g, '"Flags":"$1"'))
const serialize = (body: object): Buffer =>
  Buffer.from(JSON.stringify(body).replace(/"Flags":"(\d+)"/g, '"Flags":$1'))
