import type { Duplex } from 'node:stream'
import type { Listener } from '../transport/transport.ts'
import type { Transports } from '../transport/transports.ts'

/** The listeners of a server. */
export class Listeners {
  readonly #accept: (network: string, stream: Duplex, remoteAddress: string) => void
  readonly #transports: Transports
  readonly #failed: (thrown: unknown) => void
  readonly #listeners = new Set<Listener>()
  #isClosed = false

  /** @param failed receives the error of a listener that cannot be closed */
  constructor(
    transports: Transports,
    accept: (network: string, stream: Duplex, remoteAddress: string) => void,
    failed: (thrown: unknown) => void,
  ) {
    this.#failed = failed
    this.#transports = transports
    this.#accept = accept
  }

  /** Opens a listener. Resolves to its actual address. After `close()`, closes the new listener at once. @throws as `Server.serve` */
  async open(network: string, host: string): Promise<string> {
    const listener = await this.#transports.listen(network, host, (stream, remoteAddress) =>
      this.#accept(network, stream, remoteAddress),
    )
    if (this.#isClosed) void this.#close(listener)
    else this.#listeners.add(listener)
    return `${network}@${listener.host}`
  }

  /** Stops accepting streams. Resolves when the accepted streams have closed, too. */
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
