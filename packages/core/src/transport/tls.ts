import type { Duplex } from 'node:stream'
import type { ConnectionOptions, PeerCertificate, Server, TLSSocket, TlsOptions } from 'node:tls'
import { parseHostPort } from '../address.ts'
import { watchRejection } from '../callbacks.ts'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { lazy } from '../lazy.ts'
import { reasonOf } from '../reason.ts'
import { guardedTls } from './tls-callbacks.ts'
import { transportOf } from './transport.ts'

/** Receives the streams of a `TlsAcceptor`. */
export interface TlsOwner {
  /**
   * Handles a stream after its handshake. `refusal` is set when the client's certificate is not accepted: no call of the client may run.
   */
  secured(stream: TLSSocket, refusal: RpcxError | undefined): void
  failed(stream: TLSSocket, error: RpcxError): void
}

/** Performs the TLS handshake of accepted streams. */
export class TlsAcceptor {
  readonly #server: Server
  #options: TlsOptions

  /** @throws TypeError when no handshake with these options could succeed */
  constructor(clock: Clock, options: TlsOptions, handshakeTimeoutMs: number, owner: TlsOwner) {
    checkServerTls(options)
    this.#options = options
    // With `rejectUnauthorized`, OpenSSL would close the connection, and the client would not learn the reason.
    this.#server = lazy.tls.createServer({
      ...contextOf(options),
      handshakeTimeout: handshakeTimeoutMs,
      rejectUnauthorized: false,
    })
    this.#server.on('secureConnection', stream => {
      // After a renegotiation, a client could present another certificate, which is not checked.
      stream.disableRenegotiation()
      if (stream.isSessionReused()) checkResumed(stream, this.#options, clock.wallTime())
      owner.secured(stream, this.#refusal(stream))
    })
    this.#server.on('tlsClientError', (cause, stream) => {
      if (NO_TLS.has((cause as NodeJS.ErrnoException).code ?? '')) answerInPlainText(stream)
      stream.destroy()
      owner.failed(stream, tlsError(cause))
    })
  }

  accept(stream: Duplex): void {
    // The documented way to pass a stream from another source to node:tls.
    this.#server.emit('connection', stream)
  }

  /** Changes options for new connections; options that are left out stay. @throws what `node:tls` throws for the options */
  setSecureContext(options: TlsOptions): void {
    const all = { ...this.#options, ...options }
    this.#server.setSecureContext(contextOf(all))
    this.#options = all
  }

  #refusal(stream: TLSSocket): RpcxError | undefined {
    const { requestCert, rejectUnauthorized } = this.#options
    // As in Node: only `false` makes the certificate optional.
    const isOptional = !requestCert || rejectUnauthorized === false
    if (isOptional || acceptedCertificate(stream) !== undefined) return undefined
    const isMissing = certificateOf(stream) === undefined
    const why = isMissing ? 'there is none' : String(stream.authorizationError)
    return new RpcxError('ERR_RPCX_TLS', `tls: the certificate of the client is not accepted: ${why}`)
  }
}

/** @throws TypeError when a server with these options could not finish any handshake */
function checkServerTls(options: TlsOptions): void {
  const { key, cert, pfx, SNICallback, pskCallback, privateKeyIdentifier } = Object(options) as TlsOptions
  const hasKey = key !== undefined || privateKeyIdentifier !== undefined
  const hasOther = [pfx, SNICallback, pskCallback].some(option => option !== undefined)
  if (!hasOther && !(hasKey && cert !== undefined))
    throw new TypeError('Server: tls has no key and cert, nor pfx, SNICallback or pskCallback')
  try {
    lazy.tls.createSecureContext(options)
  } catch (cause) {
    throw new TypeError(`Server: tls is rejected by node:tls: ${reasonOf(cause)}`, { cause })
  }
}

/** Returns the accepted certificate of the peer; `undefined` for a stream without TLS or without such a certificate. */
export function acceptedCertificate(stream: Duplex): PeerCertificate | undefined {
  const socket = stream as TLSSocket
  return socket.encrypted && socket.authorized ? certificateOf(socket) : undefined
}

/** The TLS options of a client, or a function that returns them. */
export type ClientTls = ConnectionOptions | (() => ConnectionOptions)

/**
 * Performs the TLS handshake of a stream that was opened to `host`. Rejects with `ERR_RPCX_TLS`, or with the signal's reason when it
 * aborts. The stream is then closed.
 */
export function secure(
  stream: Duplex,
  host: string,
  tls: ClientTls,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise<TLSSocket>((resolve, reject) => {
    const options = guardedTls(optionsOf(tls))
    const secured = lazy.tls.connect({ ...peerOf(stream, host), ...options, socket: stream })
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
      noteTickets(secured)
      resolve(secured)
    })
  }).catch((error: unknown) => {
    stream.destroy()
    throw error
  })
}

/**
 * Returns whether the server refused the client's certificate, and so ran no call. With TLS 1.3, the refusal arrives after the client
 * considers itself connected. Other errors, such as a record that was tampered with, prove nothing.
 * @param stream a stream that `error` closed and on which nothing was read
 */
export function isCertificateRefusal(stream: Duplex, error: Error | undefined): error is Error {
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException
  return CERTIFICATE_ALERTS.has(code) && !ticketed.has(stream)
}

/** Wraps an error of `node:tls`. */
export function tlsError(cause: Error): RpcxError {
  const { code = '' } = cause as NodeJS.ErrnoException
  return new RpcxError('ERR_RPCX_TLS', `tls: ${TEXTS[code] ?? reasonOf(cause)}`, { cause })
}

/** Messages for OpenSSL's error codes whose own messages say too little. */
const TEXTS: Record<string, string> = {
  ECONNRESET: 'the other side went away during the handshake; does it speak TLS?',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'the handshake took too long',
  ERR_SSL_HTTP_REQUEST: 'the client speaks HTTP',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the other side does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the other side does not speak TLS',
}

/** OpenSSL's error codes for a client whose first bytes are not TLS. OpenSSL then closes the connection without an answer. */
const NO_TLS: ReadonlySet<string> = new Set(['ERR_SSL_HTTP_REQUEST', 'ERR_SSL_WRONG_VERSION_NUMBER'])

/** A fatal alert: `unexpected_message` (RFC 8446 §6.2). */
const ALERT = Buffer.from('1503010002020a', 'hex')

/** Tells a client that does not use TLS that the server does. Otherwise the client could not know that none of its calls ran. */
function answerInPlainText(stream: TLSSocket): void {
  // `_parent` is the stream under TLS. Node exposes it nowhere else, and closes it next. Without it, the client gets no answer.
  const { _parent: plain } = stream as TLSSocket & { readonly _parent?: Duplex }
  if (plain !== undefined && !plain.destroyed) plain.on('error', () => {}).write(ALERT)
}

/** The alerts of RFC 8446 §6.2 that refer to a certificate, by their names in OpenSSL. */
const CERTIFICATE_ALERTS: ReadonlySet<string> = new Set([
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
])

/** Streams on which the server sent a session ticket: it accepted the client's certificate, and may have run calls. */
const ticketed = new WeakSet<Duplex>()

function noteTickets(stream: TLSSocket): void {
  // Before TLS 1.3, the handshake ends with a message of the server, so no later alert refers to the certificate.
  if (stream.getProtocol() !== 'TLSv1.3') ticketed.add(stream)
  else stream.once('session', () => ticketed.add(stream))
}

/** @throws TypeError when `tls()` returns no object, with which `node:tls` would fall back to its defaults */
function optionsOf(tls: ClientTls): ConnectionOptions {
  if (typeof tls !== 'function') return tls
  const options: unknown = tls()
  watchRejection(options, () => {})
  if (typeof options !== 'object' || options === null || 'then' in options)
    throw new TypeError('XClient: tls() returns no object with the options of node:tls')
  return options
}

/** Returns the host whose certificate is expected. Sends host names to the server (SNI), but not IP addresses. */
function peerOf(stream: Duplex, host: string): ConnectionOptions {
  if (transportOf(stream)?.hasHosts !== true) return {}
  const name = parseHostPort(host).host
  return { host: name, ...(lazy.net.isIP(name) === 0 && { servername: name }) }
}

/**
 * Returns the options of the server's context. A session can be resumed only with the same certificate authorities. Otherwise, with
 * `ticketKeys` of the program, a ticket would stay valid after its authority was removed.
 */
function contextOf(options: TlsOptions): TlsOptions {
  const guarded = guardedTls(options)
  if (!options.requestCert) return guarded
  const { ca, crl, pfx, sessionIdContext = '' } = options
  const hash = lazy.crypto.createHash('sha256').update(sessionIdContext)
  for (const list of [ca, crl, pfx]) {
    hash.update('\0')
    for (const part of [list ?? []].flat()) {
      const isPlain = typeof part === 'string' || ArrayBuffer.isView(part)
      hash.update(isPlain ? part : part.buf).update('\n')
    }
  }
  return { ...guarded, sessionIdContext: hash.digest('hex').slice(0, 32) }
}

/**
 * Withdraws the authorization of a resumed session without a certificate, or with one that has expired; Node accepts both. Also withdraws
 * it with `SNICallback`, which may have chosen other authorities since then.
 */
function checkResumed(stream: TLSSocket, { SNICallback }: TlsOptions, now: number): void {
  const certificate = SNICallback === undefined ? certificateOf(stream) : undefined
  const isValid =
    certificate !== undefined &&
    Date.parse(certificate.valid_from) <= now &&
    now <= Date.parse(certificate.valid_to)
  if (isValid || !stream.authorized) return
  stream.authorized = false
  // The type says Error, but Node sets OpenSSL's code.
  stream.authorizationError = (
    certificate === undefined ? 'UNABLE_TO_GET_ISSUER_CERT' : 'CERT_HAS_EXPIRED'
  ) as never
}

/** Returns the peer's certificate. Node returns an empty object for a missing certificate, and `null` after the stream has closed. */
function certificateOf(stream: TLSSocket): PeerCertificate | undefined {
  const certificate: PeerCertificate | null = stream.getPeerCertificate()
  return certificate === null || Object.keys(certificate).length === 0 ? undefined : certificate
}
