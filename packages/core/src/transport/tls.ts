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
  constructor(clock: Clock, options: TlsOptions, handshakeTimeoutMs: number, owner: TlsOwner) {
    this.#options = options
    // With `rejectUnauthorized`, OpenSSL would cut the connection, and the client could not know why.
    this.#server = lazy.tls.createServer({
      ...contextOf(options),
      handshakeTimeout: handshakeTimeoutMs,
      rejectUnauthorized: false,
    })
    this.#server.on('secureConnection', stream => {
      // A client could otherwise show one certificate in the handshake and another one, which nobody checks, afterwards.
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
    // As node:tls documents for streams that come from elsewhere.
    this.#server.emit('connection', stream)
  }

  /** Applies to the connections that come from now on; what `options` leaves out stays. @throws what `node:tls` says of the options */
  setSecureContext(options: TlsOptions): void {
    const all = { ...this.#options, ...options }
    this.#server.setSecureContext(contextOf(all))
    this.#options = all
  }

  #refusal(stream: TLSSocket): RpcxError | undefined {
    const { requestCert, rejectUnauthorized } = this.#options
    // As Node has it: nothing but `false` lets everybody in.
    const isOptional = !requestCert || rejectUnauthorized === false
    if (isOptional || acceptedCertificate(stream) !== undefined) return undefined
    const isMissing = certificateOf(stream) === undefined
    const why = isMissing ? 'there is none' : String(stream.authorizationError)
    return new RpcxError('ERR_RPCX_TLS', `tls: the certificate of the client is not accepted: ${why}`)
  }
}

/** Returns the certificate that the peer showed and that was accepted; `undefined` for a stream without TLS or without one. */
export function acceptedCertificate(stream: Duplex): PeerCertificate | undefined {
  const socket = stream as TLSSocket
  return socket.encrypted && socket.authorized ? certificateOf(socket) : undefined
}

/** How a client secures its connections. */
export type ClientTls = ConnectionOptions | (() => ConnectionOptions)

/**
 * Takes a stream that was opened to `host` through its TLS handshake. Rejects with `ERR_RPCX_TLS`, and with the signal's
 * reason when that aborts; the stream is closed then.
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
 * Whether the server refused our certificate, so that it looked at nothing that we sent. With TLS 1.3 it does so once we believe that we
 * are connected. Anything else that ends a connection, such as a record that somebody tampered with, proves nothing.
 * @param stream that was closed by `error`, and on which nothing was read
 */
export function isCertificateRefusal(stream: Duplex, error: Error | undefined): error is Error {
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException
  return CERTIFICATE_ALERTS.has(code) && !ticketed.has(stream)
}

/** Wraps what `node:tls` says. */
export function tlsError(cause: Error): RpcxError {
  const { code = '' } = cause as NodeJS.ErrnoException
  return new RpcxError('ERR_RPCX_TLS', `tls: ${TEXTS[code] ?? reasonOf(cause)}`, { cause })
}

/** Where OpenSSL's words say too little. */
const TEXTS: Record<string, string> = {
  ECONNRESET: 'the other side went away during the handshake; does it speak TLS?',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'the handshake took too long',
  ERR_SSL_HTTP_REQUEST: 'the client speaks HTTP',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the other side does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the other side does not speak TLS',
}

/** What OpenSSL says of a client whose first bytes are no TLS. It closes without a word to it then. */
const NO_TLS: ReadonlySet<string> = new Set(['ERR_SSL_HTTP_REQUEST', 'ERR_SSL_WRONG_VERSION_NUMBER'])

/** A fatal alert: `unexpected_message` (RFC 8446 §6.2). */
const ALERT = Buffer.from('1503010002020a', 'hex')

/** Tells a client that speaks no TLS that we do: it could not know otherwise that nothing of what it sent was run. */
function answerInPlainText(stream: TLSSocket): void {
  // The stream underneath, which Node shows nowhere else, and closes next. Without it, the client is closed without a word.
  const { _parent: plain } = stream as TLSSocket & { readonly _parent?: Duplex }
  if (plain !== undefined && !plain.destroyed) plain.on('error', () => {}).write(ALERT)
}

/** The alerts of RFC 8446 §6.2 about a certificate, in OpenSSL's names. */
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

/** Streams on which the server sent a ticket: it has accepted our certificate, and may have run what we sent. */
const ticketed = new WeakSet<Duplex>()

function noteTickets(stream: TLSSocket): void {
  // Before TLS 1.3 the handshake ends with the server's word, so that no later alert is about the certificate.
  if (stream.getProtocol() !== 'TLSv1.3') ticketed.add(stream)
  else stream.once('session', () => ticketed.add(stream))
}

/** Whatever a function gives that is no object would make `node:tls` fall back to its defaults. */
function optionsOf(tls: ClientTls): ConnectionOptions {
  if (typeof tls !== 'function') return tls
  const options: unknown = tls()
  watchRejection(options, () => {})
  if (typeof options !== 'object' || options === null || 'then' in options)
    throw new TypeError('XClient: tls() returns no object with the options of node:tls')
  return options
}

/** Whose certificate is expected. Names are told to the server (SNI), addresses are not. */
function peerOf(stream: Duplex, host: string): ConnectionOptions {
  if (transportOf(stream)?.hasHosts !== true) return {}
  const name = parseHostPort(host).host
  return { host: name, ...(lazy.net.isIP(name) === 0 && { servername: name }) }
}

/**
 * The options of the server's context. A session is resumed only where certificates are checked in the same way: with `ticketKeys` of
 * the program's own, a ticket would otherwise outlive the authority that vouched for its owner.
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
 * Node takes a resumed session for authorized: also one without a certificate, and one whose certificate has expired since. Where
 * `SNICallback` chooses the authorities, nobody knows whether they are those of before.
 */
function checkResumed(stream: TLSSocket, { SNICallback }: TlsOptions, now: number): void {
  const certificate = SNICallback === undefined ? certificateOf(stream) : undefined
  const isValid =
    certificate !== undefined &&
    Date.parse(certificate.valid_from) <= now &&
    now <= Date.parse(certificate.valid_to)
  if (isValid || !stream.authorized) return
  stream.authorized = false
  // Node's types say Error; it sets OpenSSL's code.
  stream.authorizationError = (
    certificate === undefined ? 'UNABLE_TO_GET_ISSUER_CERT' : 'CERT_HAS_EXPIRED'
  ) as never
}

/** Node gives an empty object for no certificate, and `null` once the stream is gone. */
function certificateOf(stream: TLSSocket): PeerCertificate | undefined {
  const certificate: PeerCertificate | null = stream.getPeerCertificate()
  return certificate === null || Object.keys(certificate).length === 0 ? undefined : certificate
}
