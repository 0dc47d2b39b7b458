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

/** Who is told what becomes of the streams that come in. */
export interface ConnectionGateOwner {
  /** How many have entered and are not gone. */
  open(): number
  /** `refusal`: the client's certificate is not accepted, which is all that it may be told. */
  accepted(stream: Duplex, remoteAddress: string, refusal: RpcxError | undefined): void
  rejected(remoteAddress: string, error: RpcxError): void
}

type GateOptions = Pick<ServerOptions, 'allow' | 'deny' | 'maxConnections' | 'tls' | 'handshakeTimeoutMs'>

/** What every stream passes before it is a session: the lists of hosts, the limit of connections, TLS. */
export class ConnectionGate {
  readonly #clock: Clock
  readonly #owner: ConnectionGateOwner
  readonly #addresses: AddressList
  readonly #maxConnections: number
  readonly #handshakeTimeoutMs: number
  #tls: TlsOptions | undefined
  readonly #acceptors = new Map<string, TlsAcceptor>()
  /** Streams under TLS, also those in their handshake. */
  readonly #secure = new Set<Duplex>()

  /** @throws RangeError or TypeError that names the option; what `node:tls` says of `tls` */
  constructor(clock: Clock, options: GateOptions, owner: ConnectionGateOwner) {
    const { maxConnections = Number.POSITIVE_INFINITY, handshakeTimeoutMs = 10_000, tls } = options
    this.#clock = clock
    this.#owner = owner
    this.#addresses = new AddressList(options)
    this.#maxConnections = checkCount('Server', 'maxConnections', maxConnections, 1)
    this.#handshakeTimeoutMs = checkMs('Server', 'handshakeTimeoutMs', handshakeTimeoutMs, 1)
    this.#tls = tls
    // A certificate that is of no use is a mistake to hear of now, not when the first client comes.
    if (tls !== undefined) this.#acceptorFor('tcp')
  }

  /** Takes a stream that a listener of `network` accepted. */
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

  /** Changes certificates for the connections that come from now on. @throws TypeError when the server speaks no TLS */
  setSecureContext(options: TlsOptions): void {
    if (this.#tls === undefined) throw new TypeError('Server: setSecureContext() without the option tls')
    for (const acceptor of this.#acceptors.values()) acceptor.setSecureContext(options)
    this.#tls = { ...this.#tls, ...options }
  }

  /** Cuts off what is left under TLS, also in its handshake. */
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
    // It is told when it asks for something; it has no other reason to stay.
    const timer = this.#clock.setTimeout(() => stream.destroy(), this.#handshakeTimeoutMs)
    timer.unref()
    stream.once('close', () => this.#clock.clear(timer))
  }
}
