import type { Duplex } from 'node:stream'
import { parseAddress } from '../address.ts'
import type { Endpoint } from '../discovery/discovery.ts'
import { transportOf } from '../transport/networks.ts'
import type { ClientTls } from '../transport/tls.ts'
import { secure } from '../transport/tls.ts'

export interface DialOptions {
  readonly connectTimeoutMs: number
  /** How to secure connections; `undefined` for plain ones. */
  readonly tls: ClientTls | undefined
}

/** Who waits for a connection. */
export interface DialOwner {
  opened(stream: Duplex): void
  /** It takes longer than usual: calls had better go elsewhere meanwhile. */
  slow(): void
  refused(cause: Error): void
}

/** One attempt to connect to a server. It tells its owner how that ended, unless it was given up. */
export class Dial {
  readonly at: number = performance.now()
  readonly #abort = new AbortController()
  readonly #patience: NodeJS.Timeout
  readonly #limit: NodeJS.Timeout
  #isOver = false

  constructor(endpoint: Endpoint, options: DialOptions, owner: DialOwner) {
    const { connectTimeoutMs, tls } = options
    // After a long tick timers come first: what has come meanwhile is looked at before it counts as slow, or as too late.
    const slow = (): void => void setImmediate(() => this.#isOver || owner.slow())
    const late = (): void =>
      void setImmediate(() => this.#abort.abort(new Error(`no connection within ${connectTimeoutMs} ms`)))
    this.#patience = setTimeout(slow, PATIENCE_MS).unref()
    this.#limit = setTimeout(late, connectTimeoutMs)
    connect(endpoint, tls, this.#abort.signal).then(
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
    clearTimeout(this.#patience)
    clearTimeout(this.#limit)
    return true
  }
}

async function connect(
  { network, address }: Endpoint,
  tls: ClientTls | undefined,
  signal: AbortSignal,
): Promise<Duplex> {
  const { host } = parseAddress(address)
  // Memory is this process: there is nobody to hide from.
  if (tls === undefined || network === 'memu') return transportOf(network).connect(network, host, signal)
  const stream = await transportOf(network).connect(network, host, signal, true)
  return secure(stream, network, host, tls, signal)
}

// More than a dial takes nearby. Further away calls only go to servers that are connected already, if there are any.
const PATIENCE_MS = 25
