import type { Duplex } from 'node:stream'

/** The implementation of some networks. Programs can pass their own as an option of `Server` and `XClient`. */
export interface Transport {
  /** The networks that it implements: the part before `@` in an address. */
  readonly networks: readonly string[]
  /** Whether both ends are in this process, so that connections need no TLS. @default false */
  readonly isInMemory?: boolean
  /** Whether a written chunk may be overwritten once `writableLength` is 0. @default false */
  readonly copiesWrites?: boolean
  /**
   * Whether the part after `@` is a host and a port. If so, `allow` and `deny` apply, and certificates are checked against the host.
   * @default false
   */
  readonly hasHosts?: boolean
  /**
   * Opens a stream to `host`. Rejects when the connection is refused, and with `signal.reason` when it aborts.
   *
   * @param isWrapped whether another stream, such as a TLS stream, reads from this one. In Deno, that stream does not see bytes that a
   * socket reads into a given buffer. @default false
   */
  connect(network: string, host: string, signal: AbortSignal, isWrapped?: boolean): Promise<Duplex>
  /** Accepts streams at `host`. Rejects when the address is in use or cannot be listened on. */
  listen(
    network: string,
    host: string,
    accept: (stream: Duplex, remoteAddress: string) => void,
  ): Promise<Listener>
}

/** An address where streams are accepted. */
export interface Listener {
  /** The actual address, with the port that the system chose for port 0. */
  readonly host: string
  /** Stops accepting streams. Resolves when the accepted streams have closed, too. */
  close(): Promise<void>
}

/** Returns the transport that opened a stream; `undefined` for a stream that wraps another one, such as a TLS stream. */
export function transportOf(stream: Duplex): Transport | undefined {
  return (stream as { readonly [OPENED_BY]?: Transport })[OPENED_BY]
}

/** Notes the transport that opened a stream. @throws TypeError when `stream` is not a stream */
export function openedBy<Stream extends Duplex>(stream: Stream, transport: Transport): Stream {
  if (typeof stream?.write !== 'function' || typeof stream.on !== 'function')
    throw new TypeError(
      `transport of ${transport.networks.join(', ')}: it opened ${typeof stream}, not a Duplex`,
    )
  return Object.assign(stream, { [OPENED_BY]: transport })
}

// A global symbol: another copy of this package may have opened the stream.
const OPENED_BY: unique symbol = Symbol.for('rpcx.transport') as never
