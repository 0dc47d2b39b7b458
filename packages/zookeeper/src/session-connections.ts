import type { Clock, RegistryHost, Timer } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import { Connection } from './connection.ts'
import { Library } from './library.ts'
import { tellTimeout } from './negotiated.ts'
import type { Settings } from './settings.ts'
import { Suspects } from './suspects.ts'

/**
 * One ZooKeeper session over successive connections. It does not reconnect by itself. The next caller of `connect` makes one attempt, at
 * the next server.
 */
export class SessionConnections {
  /** Resolves when ZooKeeper reports that the session has expired. */
  readonly ended: Promise<Error>
  readonly #clock: Clock
  readonly #settings: Settings
  readonly #library: Library
  readonly #suspects = new Suspects()
  #next: number
  #server = ''
  #connecting: Promise<Connection> | undefined
  #connection: Connection | undefined
  #isUp = false
  /** The number of successive servers that closed the connection before the handshake. */
  #refusals = 0
  /** The reason why no further connection is made. */
  #over: Error | undefined
  #probing: Timer | undefined
  #end: (reason: Error) => void = () => {}
  #settle: { resolve(connection: Connection): void; reject(reason: Error): void } | undefined

  constructor(clock: Clock, settings: Settings) {
    this.#clock = clock
    this.#settings = settings
    this.#next = Math.floor(clock.random() * settings.hosts.length)
    this.ended = new Promise(resolve => (this.#end = resolve))
    this.#library = new Library(settings, {
      connected: () => this.#connected(),
      disconnected: (reason, isRefused) => this.#disconnected(reason, isRefused),
      expired: () => this.#expired(),
      notified: path => this.#connection?.notified(path),
    })
  }

  /** The session timeout in milliseconds that ZooKeeper granted. */
  get timeoutMs(): number {
    return this.#library.timeoutMs
  }

  get sessionId(): string {
    return this.#library.sessionId
  }

  /**
   * Returns the open connection, or makes one attempt to connect.
   * @throws `ERR_RPCX_REGISTRY`, `ERR_RPCX_LOST` when the session has expired
   */
  connect(): Promise<Connection> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    this.#connecting ??= this.#dial()
    return this.#connecting
  }

  /** Ends the session. If `signal` aborts before ZooKeeper knows, the session ends by its timeout. */
  async close(signal: AbortSignal): Promise<void> {
    if (this.#over !== undefined) return this.kill(this.#over)
    const over = new RpcxError('ERR_RPCX_CLOSED', 'zookeeper: the session was closed')
    const kill = (): void => this.kill(over)
    signal.addEventListener('abort', kill, { once: true })
    try {
      const connection = await this.connect()
      connection.down.throwIfAborted()
      this.#over ??= over
      const timer = this.#clock.setTimeout(kill, this.#answerMs)
      this.#library.client.close()
      await new Promise(resolve => connection.down.addEventListener('abort', resolve, { once: true }))
      this.#clock.clear(timer)
    } finally {
      signal.removeEventListener('abort', kill)
      this.kill(over)
    }
  }

  /** Closes the connection for good, without telling ZooKeeper. */
  kill(reason: Error): void {
    this.#over ??= reason
    this.#clock.clear(this.#probing)
    this.#library.drop(reason)
  }

  /** The response timeout. It leaves time for another connection before the session expires. */
  get #answerMs(): number {
    return Math.round(Math.min(Math.max(this.timeoutMs / 3, 1_000), 3_000))
  }

  #dial(): Promise<Connection> {
    const { hosts, chroot, digest, acl } = this.#settings
    const host = hosts[this.#next] as RegistryHost
    this.#next = (this.#next + 1) % hosts.length
    this.#server = host.text
    const answerMs = this.#answerMs
    const subject = `zookeeper ${host.text}${chroot}${digest === undefined ? '' : ` as ${digest.user}`}`
    const suspects = this.#suspects
    this.#connection = new Connection(this.#library, { clock: this.#clock, subject, answerMs, acl, suspects })
    const late = new Error(`no session within ${answerMs} ms`)
    const timer = this.#clock.setTimeout(() => this.#library.drop(late), answerMs)
    const connecting = new Promise<Connection>((resolve, reject) => {
      this.#settle = { resolve, reject }
    }).finally(() => this.#clock.clear(timer))
    this.#library.dial(host)
    return connecting
  }

  #connected(): void {
    this.#isUp = true
    this.#refusals = 0
    if (this.#probing === undefined) {
      this.#probing = this.#clock.setInterval(() => this.#probe(), this.timeoutMs / 3).unref()
      tellTimeout(this.#server, this.#settings.timeoutMs, this.timeoutMs)
    }
    this.#settle?.resolve(this.#connection as Connection)
  }

  #disconnected(reason: Error, isRefused: boolean): void {
    const connection = this.#connection
    this.#isUp = false
    this.#refusals = isRefused ? this.#refusals + 1 : 0
    const isRewound = this.#over === undefined && this.#refusals >= this.#settings.hosts.length
    if (isRewound && this.#library.forgetTransactions()) {
      // The same attempt continues, now without a last transaction.
      this.#library.dial()
      return
    }
    this.#connection = undefined
    this.#connecting = undefined
    connection?.lost(reason)
    this.#settle?.reject(this.#over ?? (connection?.down.reason as Error))
  }

  #expired(): void {
    this.#clock.clear(this.#probing)
    this.#over ??= new RpcxError('ERR_RPCX_LOST', 'zookeeper: the session has expired')
    this.#end(this.#over)
  }

  /** The library would wait for ever for a hung server. */
  #probe(): void {
    if (this.#isUp) this.#connection?.probe().catch(() => {})
  }
}
