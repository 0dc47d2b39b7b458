import type { Duplex } from 'node:stream'

/** How bytes travel for some networks. One that carries TLS or WebSockets is another implementation of this. */
export interface Transport {
  /** The networks it serves: what stands before `@` in an address. */
  readonly networks: readonly string[]
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
