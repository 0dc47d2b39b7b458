import type { Duplex } from 'node:stream'
import type { ConnectionOptions, Server, TLSSocket, TlsOptions } from 'node:tls'
import { parseHostPort } from '../address.ts'
import { RpcxError } from '../errors.ts'
import { lazy } from '../lazy.ts'

/** What becomes of the streams that a `TlsAcceptor` takes. */
export interface TlsOwner {
  /** `refusal` when the client's certificate is not good enough: nothing that it asks for may be done. */
  secured(stream: TLSSocket, refusal: RpcxError | undefined): void
  failed(stream: TLSSocket, error: RpcxError): void
}

/** Takes streams that were accepted through their TLS handshake. */
export class TlsAcceptor {
  readonly #server: Server
  #options: TlsOptions

  /** @throws what `node:tls` says of the options */
  constructor(options: TlsOptions, handshakeTimeoutMs: number, owner: TlsOwner) {
    this.#options = options
    // With `rejectUnauthorized`, OpenSSL would cut the connection, and the client could not know why.
    this.#server = lazy.tls.createServer({
      ...options,
      handshakeTimeout: handshakeTimeoutMs,
      rejectUnauthorized: false,
    })
    this.#server.on('secureConnection', stream => owner.secured(stream, this.#refusal(stream)))
    this.#server.on('tlsClientError', (cause, stream) => {
      stream.destroy()
      owner.failed(stream, tlsError(cause))
    })
  }

  accept(stream: Duplex): void {
    // As node:tls documents for streams that come from elsewhere.
    this.#server.emit('connection', stream)
  }

  /** For the connections that come from now on. @throws what `node:tls` says of the options */
  setSecureContext(options: TlsOptions): void {
    this.#server.setSecureContext(options)
    this.#options = { ...this.#options, ...options }
  }

  #refusal(stream: TLSSocket): RpcxError | undefined {
    const { requestCert = false, rejectUnauthorized = true } = this.#options
    if (!requestCert || !rejectUnauthorized || stream.authorized) return undefined
    const isMissing = Object.keys(stream.getPeerCertificate()).length === 0
    const why = isMissing ? 'there is none' : String(stream.authorizationError)
    return new RpcxError('ERR_RPCX_TLS', `tls: the certificate of the client is not accepted: ${why}`)
  }
}

/** How a client secures its connections. */
export type ClientTls = ConnectionOptions | (() => ConnectionOptions)

/**
 * Takes a stream that was opened to `host` through its TLS handshake. Rejects with `ERR_RPCX_TLS`, and with the signal's
 * reason when that aborts.
 */
export function secure(
  stream: Duplex,
  network: string,
  host: string,
  tls: ClientTls,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options = typeof tls === 'function' ? tls() : tls
    const secured = lazy.tls.connect({ ...peerOf(network, host), ...options, socket: stream })
    const abort = (): void => {
      secured.destroy()
      reject(signal.reason)
    }
    const settle = (): void => signal.removeEventListener('abort', abort)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    const fail = (cause: Error): void => {
      settle()
      reject(tlsError(cause))
    }
    secured.once('error', fail)
    secured.once('secureConnect', () => {
      settle()
      secured.off('error', fail)
      resolve(secured)
    })
  })
}

/** Whose certificate is expected. Names are told to the server (SNI), addresses are not. */
function peerOf(network: string, host: string): ConnectionOptions {
  if (network === 'unix') return {}
  const name = parseHostPort(host).host
  return { host: name, ...(lazy.net.isIP(name) === 0 && { servername: name }) }
}

/** Whether the other side said by TLS why it closed the stream. */
export function isTlsAlert(error: Error | undefined): error is Error {
  return (error as NodeJS.ErrnoException | undefined)?.code?.startsWith('ERR_SSL_') === true
}

export function tlsError(cause: Error): RpcxError {
  const { code = cause.message } = cause as NodeJS.ErrnoException
  return new RpcxError('ERR_RPCX_TLS', `tls: ${TEXTS[code] ?? cause.message}`, { cause })
}

/** Where OpenSSL's words say too little. */
const TEXTS: Record<string, string> = {
  ECONNRESET: 'the other side went away during the handshake',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'the handshake took too long',
  ERR_SSL_HTTP_REQUEST: 'the client speaks HTTP',
}
