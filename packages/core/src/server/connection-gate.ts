import type { Duplex } from 'node:stream'
import type { TlsOptions } from 'node:tls'
import type { Clock } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { checkCount, checkMs } from '../options.ts'
import { remoteAddressOf } from '../transport/tcp.ts'
import { TlsAcceptor } from '../transport/tls.ts'
import { transportOf } from '../transport/transport.ts'
import { AddressList } from './address-list.ts'
import type { ServerOptions } from './server-options.ts'

/** Receives the streams that the gate accepts or rejects. */
export interface ConnectionGateOwner {
  /** Returns the number of accepted connections that are still open. */
  open(): number
  /** @param refusal set when the client's certificate is not accepted; the session may only report this error */
  accepted(stream: Duplex, remoteAddress: string, refusal: RpcxError | undefined): void
  rejected(remoteAddress: string, error: RpcxError): void
}

type GateOptions = Pick<ServerOptions, 'allow' | 'deny' | 'maxConnections' | 'tls' | 'handshakeTimeoutMs'>

/** The checks that every stream passes before it becomes a session: host lists, connection limit, TLS. */
export class ConnectionGate {
  readonly #clock: Clock
  readonly #owner: ConnectionGateOwner
  readonly #addresses: AddressList
  readonly #maxConnections: number
  readonly #handshakeTimeoutMs: number
  #tls: TlsOptions | undefined
  readonly #acceptors = new Map<string, TlsAcceptor>()
  /** The streams under TLS, also during their handshake. */
  readonly #secure = new Set<Duplex>()

  /** @throws RangeError or TypeError that names the option; what `node:tls` throws for `tls` */
  constructor(clock: Clock, options: GateOptions, owner: ConnectionGateOwner) {
    const { maxConnections = Number.POSITIVE_INFINITY, handshakeTimeoutMs = 10_000, tls } = options
    this.#clock = clock
    this.#owner = owner
    this.#addresses = new AddressList(options)
    this.#maxConnections = checkCount('Server', 'maxConnections', maxConnections, 1)
    this.#handshakeTimeoutMs = checkMs('Server', 'handshakeTimeoutMs', handshakeTimeoutMs, 1)
    this.#tls = tls
    // An invalid certificate throws now, not when the first client connects.
    if (tls !== undefined) this.#acceptorFor('tcp')
  }

  /** Checks a stream that a listener of `network` accepted. */
  accept(network: string, stream: Duplex, remoteAddress: string): void {
    const transport = transportOf(stream)
    const refusal = this.#refusal(remoteAddress, transport?.hasHosts ?? false)
    if (refusal !== undefined) {
      stream.destroy()
      this.#owner.rejected(remoteAddress, refusal)
      return
    }
    if (this.#tls === undefined || transport?.isInMemory === true) {
      this.#owner.accepted(stream, remoteAddress, undefined)
      return
    }
    this.#secure.add(stream)
    stream.once('close', () => this.#secure.delete(stream))
    this.#acceptorFor(network).accept(stream)
  }

  /** Changes certificates for new connections. @throws TypeError when the server does not use TLS */
  setSecureContext(options: TlsOptions): void {
    if (this.#tls === undefined) throw new TypeError('Server: setSecureContext() without the option tls')
    for (const acceptor of this.#acceptors.values()) acceptor.setSecureContext(options)
    this.#tls = { ...this.#tls, ...options }
  }

  /** Closes all streams under TLS, also those in their handshake. */
  close(): void {
    for (const stream of this.#secure) stream.destroy()
  }

  #refusal(remoteAddress: string, hasHosts: boolean): RpcxError | undefined {
    if (hasHosts && !this.#addresses.allows(remoteAddress)) {
      return new RpcxError('ERR_RPCX_AUTH', `${remoteAddress}: this host may not connect`)
    }
    if (Math.max(this.#owner.open(), this.#secure.size) >= this.#maxConnections) {
      const text = `${remoteAddress}: ${this.#maxConnections} connections are open, the most that maxConnections allows`
      return new RpcxError('ERR_RPCX_UNAVAILABLE', text)
    }
    return undefined
  }

  #acceptorFor(network: string): TlsAcceptor {
    const known = this.#acceptors.get(network)
    if (known !== undefined) return known
    const acceptor = new TlsAcceptor(this.#clock, this.#tls as TlsOptions, this.#handshakeTimeoutMs, {
      secured: (stream, refusal) => this.#secured(stream, remoteAddressOf(stream, network), refusal),
      failed: (stream, error) => this.#owner.rejected(remoteAddressOf(stream, network), error),
    })
    this.#acceptors.set(network, acceptor)
    return acceptor
  }

  #secured(stream: Duplex, remoteAddress: string, refusal: RpcxError | undefined): void {
    this.#owner.accepted(stream, remoteAddress, refusal)
    if (refusal === undefined) return
    this.#owner.rejected(remoteAddress, refusal)
    // The client learns the reason by its first call. The timer closes a client that makes none.
    const timer = this.#clock.setTimeout(() => stream.destroy(), this.#handshakeTimeoutMs).unref()
    stream.once('close', () => this.#clock.clear(timer))
  }
}
