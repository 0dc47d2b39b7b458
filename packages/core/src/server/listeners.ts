import type { Duplex } from 'node:stream'
import type { Listener } from '../transport/transport.ts'
import type { Transports } from '../transport/transports.ts'

/** The places where a server listens. */
export class Listeners {
  readonly #accept: (network: string, stream: Duplex, remoteAddress: string) => void
  readonly #transports: Transports
  readonly #failed: (thrown: unknown) => void
  readonly #listeners = new Set<Listener>()
  #isClosed = false

  /** @param failed told of a listener that cannot be closed */
  constructor(
    transports: Transports,
    accept: (network: string, stream: Duplex, remoteAddress: string) => void,
    failed: (thrown: unknown) => void,
  ) {
    this.#failed = failed
    this.#transports = transports
    this.#accept = accept
  }

  /** Resolves to the address as it really is. After `close()` it does not stay open. @throws as `Server.serve` */
  async open(network: string, host: string): Promise<string> {
    const listener = await this.#transports.listen(network, host, (stream, remoteAddress) =>
      this.#accept(network, stream, remoteAddress),
    )
    if (this.#isClosed) void this.#close(listener)
    else this.#listeners.add(listener)
    return `${network}@${listener.host}`
  }

  /** Accepts no more from now on; resolves when the streams that were accepted are gone too. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#listeners].map(listener => this.#close(listener)))
  }

  async #close(listener: Listener): Promise<void> {
    try {
      await listener.close()
    } catch (thrown) {
      this.#failed(thrown)
    }
  }
}
