import { RpcxError } from '@rpcx/core'
import { Connection } from './connection.ts'
import { Library } from './library.ts'
import type { ServerAddress } from './server-address.ts'

/**
 * One session of ZooKeeper over whatever connections it takes. A lost connection is not sought again by itself: whoever
 * needs it next makes one attempt, at the next server.
 */
export class ZooKeeperLink {
  /** Resolves when ZooKeeper says that the session is over. */
  readonly ended: Promise<Error>
  readonly #servers: readonly ServerAddress[]
  readonly #library: Library
  #next: number
  #connecting: Promise<Connection> | undefined
  #connection: Connection | undefined
  #isUp = false
  /** Why there will be no further connection. */
  #over: Error | undefined
  #probing: NodeJS.Timeout | undefined
  #end: (reason: Error) => void = () => {}
  #settle: { resolve(connection: Connection): void; reject(reason: Error): void } | undefined

  constructor(servers: readonly ServerAddress[], timeoutMs: number) {
    this.#servers = servers
    this.#next = Math.floor(Math.random() * servers.length)
    this.ended = new Promise(resolve => (this.#end = resolve))
    this.#library = new Library(timeoutMs, {
      connected: () => this.#connected(),
      disconnected: reason => this.#disconnected(reason),
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
      const timer = setTimeout(kill, this.#answerMs)
      this.#library.client.close()
      await new Promise(resolve => connection.down.addEventListener('abort', resolve, { once: true }))
      clearTimeout(timer)
    } finally {
      signal.removeEventListener('abort', kill)
      this.kill(over)
    }
  }

  /** Gives up the connection for good, without a word to ZooKeeper. */
  kill(reason: Error): void {
    this.#over ??= reason
    clearInterval(this.#probing)
    this.#library.drop(reason)
  }

  /** How long an answer may take, before the connection counts as lost: it must be, in time for another before the session ends. */
  get #answerMs(): number {
    return Math.min(Math.max(this.timeoutMs / 3, 1_000), 3_000)
  }

  #dial(): Promise<Connection> {
    const server = this.#servers[this.#next] as ServerAddress
    this.#next = (this.#next + 1) % this.#servers.length
    const answerMs = this.#answerMs
    this.#connection = new Connection(this.#library, server.text, answerMs)
    const late = new Error(`no session within ${answerMs} ms`)
    const timer = setTimeout(() => this.#library.drop(late), answerMs)
    const connecting = new Promise<Connection>((resolve, reject) => {
      this.#settle = { resolve, reject }
    }).finally(() => clearTimeout(timer))
    this.#library.dial(server)
    return connecting
  }

  #connected(): void {
    this.#isUp = true
    this.#probing ??= setInterval(() => this.#probe(), this.timeoutMs / 3).unref()
    this.#settle?.resolve(this.#connection as Connection)
  }

  #disconnected(reason: Error): void {
    const connection = this.#connection
    this.#isUp = false
    this.#connection = undefined
    this.#connecting = undefined
    connection?.lost(reason)
    this.#settle?.reject(this.#over ?? (connection?.down.reason as Error))
  }

  #expired(): void {
    clearInterval(this.#probing)
    this.#over ??= new RpcxError('ERR_RPCX_LOST', 'zookeeper: the session has expired')
    this.#end(this.#over)
  }

  /** The library waits for ever for a server that hangs. */
  #probe(): void {
    if (this.#isUp) this.#connection?.probe().catch(() => {})
  }
}
