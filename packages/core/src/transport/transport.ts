import type { Duplex } from 'node:stream'

/** How bytes travel for some networks. One of the program's own is an option of `Server` and `XClient`. */
export interface Transport {
  /** The networks it serves: what stands before `@` in an address. */
  readonly networks: readonly string[]
  /** Whether both ends are in this process, so that there is nobody to hide from: TLS is left out. @default false */
  readonly isInMemory?: boolean
  /** Whether a chunk that was written may be overwritten once `writableLength` is 0. @default false */
  readonly copiesWrites?: boolean
  /** Whether what follows the `@` is an IP address or the name of a host, and a port: `allow`, `deny` and names in certificates go by that. @default false */
  readonly hasHosts?: boolean
  /**
   * Opens a stream to `host`. Rejects when it is refused, and with `signal.reason` when aborted.
   *
   * @param isWrapped whether another stream, such as one under TLS, reads from this one. Deno's never hears of bytes that a
   *   socket reads into memory that it was given. @default false
   */
  connect(network: string, host: string, signal: AbortSignal, isWrapped?: boolean): Promise<Duplex>
  /** Accepts streams at `host`. Rejects when the place is taken or cannot be listened on. */
  listen(
    network: string,
    host: string,
    accept: (stream: Duplex, remoteAddress: string) => void,
  ): Promise<Listener>
}

/** A place where streams are accepted. */
export interface Listener {
  /** The host as it really is, with the port that the system chose for port 0. */
  readonly host: string
  /** Accepts no more from now on; resolves when the streams that were accepted are gone too. */
  close(): Promise<void>
}

/** What a stream was opened by; `undefined` for one that is wrapped around another, as under TLS. */
export function transportOf(stream: Duplex): Transport | undefined {
  return (stream as { readonly [OPENED_BY]?: Transport })[OPENED_BY]
}

/** Notes what a stream was opened by. @throws TypeError when it is no stream */
export function openedBy<Stream extends Duplex>(stream: Stream, transport: Transport): Stream {
  if (typeof stream?.write !== 'function' || typeof stream.on !== 'function')
    throw new TypeError(
      `transport of ${transport.networks.join(', ')}: it opened ${typeof stream}, not a Duplex`,
    )
  return Object.assign(stream, { [OPENED_BY]: transport })
}

// Another copy of this package may have opened it.
const OPENED_BY: unique symbol = Symbol.for('rpcx.transport') as never
