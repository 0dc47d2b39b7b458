import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { ConnectionGroup } from './connection-group.ts'
import { freePort } from './ports.ts'
import type { Direction } from './proxied-connection.ts'

export type { Direction }

export interface CutOptions {
  /**
   * False (default): new connections are accepted, counted and reset at once. True: the port is closed, so that
   * clients get ECONNREFUSED, which cannot be counted.
   */
  refuse?: boolean
}

/** A TCP proxy on 127.0.0.1 that can cut, stall and delay connections. Otherwise it only forwards. */
export interface TcpProxy extends AsyncDisposable {
  /** `host:port`, the same for the proxy's whole life. */
  readonly address: string
  /** Connections that are open now. */
  readonly connections: number
  /** Connections that clients opened since the start, including those that were reset at once. */
  readonly attempts: number
  /** Resets all connections, and each new one until `heal`. */
  cut(options?: CutOptions): Promise<void>
  /** Resets the existing connections only. */
  drop(): void
  /** Forwards nothing in that direction until `heal`, on existing and new connections, and keeps them open. */
  stall(direction?: Direction): void
  /** Forwards everything `ms` later, both ways, until `heal`. */
  delay(ms: number): void
  /** Ends `cut`, `stall` and `delay`; what a stall held back is forwarded. */
  heal(): Promise<void>
  /** Resets all connections and gives the port back. */
  close(): Promise<void>
}

/** Starts a proxy before a target `host:port`, which need not be reachable yet. */
export async function startProxy(target: string): Promise<TcpProxy> {
  for (let attempt = 1; ; attempt++) {
    const proxy = new BreakableProxy(target, await freePort())
    try {
      await proxy.heal()
      return proxy
    } catch (error) {
      if (attempt === 5) throw error
    }
  }
}

class BreakableProxy implements TcpProxy {
  readonly #target: URL
  readonly #port: number
  readonly #server: Server
  readonly #group = new ConnectionGroup()
  #attempts = 0

  constructor(target: string, port: number) {
    this.#target = new URL(`tcp://${target}`)
    this.#port = port
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, client => this.#accept(client))
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  get connections(): number {
    return this.#group.connections
  }

  get attempts(): number {
    return this.#attempts
  }

  async cut(options: CutOptions = {}): Promise<void> {
    this.#group.cut()
    if (options.refuse) await this.#closePort()
  }

  drop(): void {
    this.#group.drop()
  }

  stall(direction: Direction = 'both'): void {
    this.#group.stall(direction)
  }

  delay(ms: number): void {
    this.#group.delay(ms)
  }

  async heal(): Promise<void> {
    this.#group.heal()
    if (!this.#server.listening) await this.#openPort()
  }

  async close(): Promise<void> {
    this.#group.cut()
    await this.#closePort()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #accept(client: Socket): void {
    this.#attempts++
    if (this.#group.isCut) {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const target = createConnection({
      host: this.#target.hostname,
      port: Number(this.#target.port),
      allowHalfOpen: true,
      noDelay: true,
    })
    this.#group.join(client, target)
  }

  #openPort(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  #closePort(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
    })
  }
}
