import type { Duplex } from 'node:stream'
import { parseAddress } from '../../address.ts'
import type { Clock, Timer } from '../../clock.ts'
import type { Endpoint } from '../../discovery/discovery.ts'
import type { ClientTls } from '../../transport/tls.ts'
import { secure } from '../../transport/tls.ts'
import type { Transports } from '../../transport/transports.ts'

export interface DialOptions {
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly transports: Transports
  /** How to secure connections; `undefined` for plain ones. */
  readonly tls: ClientTls | undefined
}

/** Receives the outcome of a dial. */
export interface DialOwner {
  opened(stream: Duplex): void
  /** Called when the dial takes longer than usual, so that calls go to other servers meanwhile. */
  slow(): void
  refused(cause: Error): void
}

/** One attempt to connect to a server. It reports the outcome to its owner, unless `giveUp` was called. */
export class Dial {
  readonly #abort = new AbortController()
  readonly #clock: Clock
  readonly #patience: Timer
  readonly #limit: Timer
  #isOver = false

  constructor(endpoint: Endpoint, options: DialOptions, owner: DialOwner) {
    const { clock, connectTimeoutMs } = options
    // After a long tick, Node runs timers before I/O. `setImmediate` lets a connection that is already open count as open, not as late.
    const slow = (): void => void setImmediate(() => this.#isOver || owner.slow())
    const late = (): void =>
      void setImmediate(() => this.#abort.abort(new Error(`no connection within ${connectTimeoutMs} ms`)))
    this.#clock = clock
    this.#patience = clock.setTimeout(slow, PATIENCE_MS).unref()
    this.#limit = clock.setTimeout(late, connectTimeoutMs)
    connect(endpoint, options, this.#abort.signal).then(
      stream => {
        if (this.#end()) owner.opened(stream)
        else stream.destroy()
      },
      (cause: Error) => {
        if (this.#end()) owner.refused(cause)
      },
    )
  }

  giveUp(): void {
    this.#end()
    this.#abort.abort()
  }

  #end(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#clock.clear(this.#patience)
    this.#clock.clear(this.#limit)
    return true
  }
}

async function connect(
  { network, address }: Endpoint,
  { transports, tls }: DialOptions,
  signal: AbortSignal,
): Promise<Duplex> {
  const { host } = parseAddress(address)
  if (tls === undefined || transports.of(network).isInMemory === true)
    return transports.connect(network, host, signal, false)
  return secure(await transports.connect(network, host, signal, true), host, tls, signal)
}

// Longer than a dial within a data centre takes. A more distant server gets calls only once it is connected, if others are available.
const PATIENCE_MS = 25
