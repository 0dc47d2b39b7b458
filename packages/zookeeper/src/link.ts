import type { Clock, RegistryHost, Timer } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import { Connection } from './connection.ts'
import { Library } from './library.ts'
import { tellTimeout } from './negotiated.ts'
import type { Settings } from './settings.ts'
import { Suspects } from './suspects.ts'

/**
 * One session of ZooKeeper over whatever connections it takes. A lost connection is not sought again by itself: whoever
 * needs it next makes one attempt, at the next server.
 */
export class ZooKeeperLink {
  /** Resolves when ZooKeeper says that the session is over. */
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
  /** How many servers in a row hung up on us instead of greeting. */
  #refusals = 0
  /** Why there will be no further connection. */
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

  /** As granted. */
  get timeoutMs(): number {
    return this.#library.timeoutMs
  }

  get sessionId(): string {
    return this.#library.sessionId
  }

  /** The connection that is up, or one attempt to get one. @throws `ERR_RPCX_REGISTRY`, `ERR_RPCX_LOST` when it is over */
  connect(): Promise<Connection> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    this.#connecting ??= this.#dial()
    return this.#connecting
  }

  /** Ends the session. Where that cannot be said to ZooKeeper before `signal` aborts, the session ends by its timeout. */
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

  /** Gives up the connection for good, without a word to ZooKeeper. */
  kill(reason: Error): void {
    this.#over ??= reason
    this.#clock.clear(this.#probing)
    this.#library.drop(reason)
  }

  /** How long an answer may take, before the connection counts as lost: it must be, in time for another before the session ends. */
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
      this.#probing = this.#clock.setInterval(() => this.#probe(), this.timeoutMs / 3)
      this.#probing.unref()
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
      // The same attempt goes on, as one who has seen nothing.
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

  /** The library waits for ever for a server that hangs. */
  #probe(): void {
    if (this.#isUp) this.#connection?.probe().catch(() => {})
  }
}
