import type { ClientRequest, Agent as HttpAgent } from 'node:http'
import type { RegistryHost } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import Consul from 'consul'
import { notConsuls } from './failure.ts'
import type { Access } from './settings.ts'
import type { Shape } from './shapes.ts'

/**
 * Returns a client of the library with its gaps filled. It passes on all properties of a registration, checks the shape of each response,
 * and rejects a request whose response is cut off, too long or malformed.
 * @param agent the agent that owns the sockets
 */
export function openLibrary({ host, port }: RegistryHost, agent: HttpAgent, { token, tls }: Access): Consul {
  const options = {
    // The library needs the brackets of an IPv6 address in the URL, but would resolve them as a name. The HTTP agent overrides the host.
    host: host.includes(':') ? `[${host}]` : host,
    port,
    secure: tls !== undefined,
    agent,
    decoders: { 'application/json': parse },
    encoders: { 'application/json': serialize },
    ...(token !== undefined && { defaults: { token } }),
  }
  const consul = new Consul(options)
  const library = consul as unknown as Extensible
  // The library does not notice when a response is cut off, and waits for its end.
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
  return consul
}

/** The number of items from which processing gets its own turn of the event loop. */
const MANY = 500
/** Enough for a hundred thousand servers. */
const MOST_BYTES = 64 * 2 ** 20

/** The private members of the library that this package uses. */
type Extensible = { _ext(at: string, extension: Extension): void }
type Extension = (request: PapiRequest, next: Next) => void
type Next = (error?: unknown) => void
type Transport = { request(options: object): ClientRequest }
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
