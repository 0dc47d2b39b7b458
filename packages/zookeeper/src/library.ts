import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Client, Transaction } from 'node-zookeeper-client'
import { CreateMode, createClient } from 'node-zookeeper-client'
import type { ServerAddress } from './server-address.ts'

/** Who hears what becomes of the library's connection. */
export interface LibraryOwner {
  connected(): void
  /** Also when an attempt to connect fails. */
  disconnected(reason: Error): void
  expired(): void
  /** Something that was watched has changed. */
  notified(path: string): void
}

/**
 * One client object of the library, which is one session of ZooKeeper, kept from its own ways: it connects when it is told
 * to and not again by itself, forgets what it was about to send or to receive when the connection is lost, and lets no error
 * escape to where nobody can catch it.
 */
export class Library {
  readonly client: Client
  readonly #manager: ConnectionManager
  readonly #connect: () => void
  readonly #owner: LibraryOwner
  #server: ServerAddress | undefined
  #why: Error | undefined

  constructor(timeoutMs: number, owner: LibraryOwner) {
    this.client = createClient('localhost:2181', { sessionTimeout: timeoutMs, retries: 0 })
    this.#owner = owner
    const manager = (this.client as Client & { readonly connectionManager: ConnectionManager })
      .connectionManager
    this.#manager = manager
    this.#connect = manager.connect.bind(manager)
    // Called by the library itself after each disconnect.
    manager.connect = () => {}
    manager.findNextServer = callback => callback(this.#server as ServerAddress)
    manager.watcherManager = new Watchers(owner)
    const receive = manager.onSocketData.bind(manager)
    manager.onSocketData = chunk => {
      try {
        receive(chunk)
      } catch (error) {
        // An answer that the library does not know; what comes after it cannot be trusted.
        this.drop(error as Error)
      }
    }
    manager.on('state', state => this.#entered(state))
  }

  /** As granted; as asked before the first connection. */
  get timeoutMs(): number {
    return this.client.getSessionTimeout()
  }

  /** As in `ephemeralOwner` of a node. */
  get sessionId(): string {
    return this.client.getSessionId().toString('hex')
  }

  dial(server: ServerAddress): void {
    this.#server = server
    this.#why = undefined
    this.#connect()
    this.#manager.socket?.on('error', error => {
      this.#why ??= error
    })
  }

  /** Ends the connection, not the session. */
  drop(reason: Error): void {
    this.#why ??= reason
    this.#manager.socket?.destroy()
  }

  /** Deletes an ephemeral node and makes it anew, at once. Deletes any version when there is none. */
  replacement(path: string, version: number | undefined, data: Buffer): Transaction {
    const transaction = this.client.transaction().remove(path).create(path, data, CreateMode.EPHEMERAL)
    // Given to the library's own method, version 0 would mean any version.
    const [removal] = (transaction as Transaction & { readonly ops: readonly { version: number }[] }).ops
    if (removal !== undefined && version !== undefined) removal.version = version
    return transaction
  }

  #entered(state: number): void {
    const manager = this.#manager
    if (state === CONNECTED) this.#owner.connected()
    else if (state === EXPIRED) {
      this.#owner.expired()
      manager.socket?.destroy()
    } else if (state === DISCONNECTED) {
      // Half an answer would be read as the beginning of the next connection's first.
      manager.pendingBuffer = null
      // What waits here would be sent by the next connection, when nobody wants it any more.
      manager.packetQueue.queue.length = 0
      // It would destroy the socket of the next connection.
      clearTimeout(manager.connectTimeoutHandler)
      this.#owner.disconnected(this.#why ?? new Error('the connection was closed'))
    }
  }
}

const DISCONNECTED = 0
const CONNECTED = 2
const EXPIRED = -3

/** What the library keeps to itself. */
interface ConnectionManager extends Pick<EventEmitter<{ state: [number] }>, 'on'> {
  readonly socket: Socket | undefined
  readonly connectTimeoutHandler: NodeJS.Timeout | undefined
  readonly packetQueue: { readonly queue: unknown[] }
  pendingBuffer: Buffer | null
  watcherManager: Watchers
  connect: () => void
  findNextServer: (callback: (server: ServerAddress) => void) => void
  onSocketData: (chunk: Buffer) => void
}

/**
 * Stands in for the library's own: that can forget no watcher, throws at events that it does not know, and watches again
 * after a reconnect what nobody waits for any more.
 */
class Watchers {
  readonly #owner: LibraryOwner

  constructor(owner: LibraryOwner) {
    this.#owner = owner
  }

  emit({ path }: { readonly path: string }): void {
    this.#owner.notified(path)
  }

  isEmpty(): boolean {
    return true
  }

  registerDataWatcher(): void {}
  registerChildWatcher(): void {}
  registerExistenceWatcher(): void {}
}
