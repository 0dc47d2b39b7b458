import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { RegistryHost } from '@rpcx/core'
import type { ACL, Client, Transaction } from 'node-zookeeper-client'
import { CreateMode, createClient } from 'node-zookeeper-client'
import { Frames } from './frames.ts'
import { HungUp, notGreeted } from './hung-up.ts'
import type { Question } from './replies.ts'
import { checkGreeting, checkReply } from './replies.ts'
import type { Settings } from './settings.ts'
import { openSocket } from './socket.ts'
import { Unwatch } from './unwatch.ts'

/** The receiver of the events of the library's connection. */
export interface LibraryOwner {
  connected(): void
  /** Also called when an attempt to connect fails. @param isRefused whether a server closed the connection before the handshake */
  disconnected(reason: Error, isRefused: boolean): void
  expired(): void
  /** Called when a watched node has changed. */
  notified(path: string): void
}

/**
 * One client object of the library, which is one ZooKeeper session. This class replaces parts of the library's behaviour. It connects only
 * on request and never reconnects by itself. It discards pending requests and partial responses when the connection is lost. It lets no
 * error escape uncaught.
 */
export class Library {
  readonly client: Client
  readonly #manager: ConnectionManager
  readonly #settings: Settings
  readonly #receive: (frame: Buffer) => void
  readonly #frames = new Frames()
  readonly #owner: LibraryOwner
  #server: RegistryHost | undefined
  #why: Error | undefined
  /** The progress of the attempt to connect. */
  #progress: 'none' | 'reached' | 'greeted' = 'none'

  constructor(settings: Settings, owner: LibraryOwner) {
    const { chroot, timeoutMs, digest } = settings
    this.#settings = settings
    this.client = createClient(`localhost:2181${chroot}`, { sessionTimeout: timeoutMs, retries: 0 })
    // The library sends it first on each connection.
    if (digest) this.client.addAuthInfo('digest', Buffer.from(`${digest.user}:${digest.password}`))
    this.#owner = owner
    const manager = (this.client as Client & { readonly connectionManager: ConnectionManager })
      .connectionManager
    this.#manager = manager
    // The library calls this after each disconnect to reconnect.
    manager.connect = () => {}
    manager.watcherManager = new Watchers(owner)
    this.#receive = manager.onSocketData.bind(manager)
    manager.onSocketData = chunk => {
      try {
        this.#received(chunk)
      } catch (error) {
        // The response is malformed, so the data after it cannot be trusted.
        this.drop(error as Error)
      }
    }
    manager.on('state', state => this.#entered(state))
  }

  /** The session timeout that the server granted, or the requested one before the first connection. */
  get timeoutMs(): number {
    return this.client.getSessionTimeout()
  }

  /** The id of the session, in the format of a node's `ephemeralOwner`. */
  get sessionId(): string {
    return this.client.getSessionId().toString('hex')
  }

  /** The newest transaction that any response has reported. */
  get lastTransaction(): bigint {
    return this.#manager.zxid.readBigInt64BE()
  }

  /**
   * Forgets the newest transaction seen. A server that has seen fewer transactions closes our connection. When all servers do, they were
   * restored to an earlier state. Returns whether there was a transaction to forget.
   */
  forgetTransactions(): boolean {
    const hasSeen = this.lastTransaction !== 0n
    this.#manager.zxid = Buffer.alloc(8)
    return hasSeen
  }

  /** Starts to connect. @param server by default the previous one */
  dial(server: RegistryHost = this.#server as RegistryHost): void {
    const manager = this.#manager
    this.#server = server
    this.#why = undefined
    this.#progress = 'none'
    manager.setState(CONNECTING)
    const ready = (): void => {
      this.#progress = 'reached'
      manager.onSocketConnected()
    }
    // The library does not support TLS itself, but works with any socket.
    const socket = openSocket(server, this.#settings.tls, this.#settings.lookup, ready)
    manager.socket = socket
      .on('data', chunk => manager.onSocketData(chunk))
      .on('drain', () => manager.onSocketDrain())
      .on('close', () => manager.onSocketClosed())
      // Node does not close the socket after an error of TLS.
      .on('error', error => this.drop(error))
  }

  /** Closes the connection, not the session. */
  drop(reason: Error): void {
    this.#why ??= reason
    this.#manager.socket?.destroy()
  }

  /** Returns a transaction that creates an ephemeral node. */
  creation(path: string, data: Buffer, acl: ACL[]): Transaction {
    return this.client.transaction().create(path, data, acl, CreateMode.EPHEMERAL)
  }

  /** Returns a transaction that deletes this version of a node and creates an ephemeral node in its place. */
  replacement(path: string, version: number, data: Buffer, acl: ACL[]): Transaction {
    const removal = exactly(version, this.client.transaction().remove(path))
    return removal.create(path, data, acl, CreateMode.EPHEMERAL)
  }

  change(path: string, version: number, data: Buffer): Transaction {
    return exactly(version, this.client.transaction().setData(path, data))
  }

  /** Passes only complete frames with valid lengths to the library. With others, it would loop or allocate memory without limit. */
  #received(chunk: Buffer): void {
    const { socket, pendingQueue } = this.#manager
    this.#frames.push(chunk)
    while (socket?.destroyed === false) {
      const isGreeting = this.#manager.state === CONNECTING
      const frame = this.#frames.next(isGreeting ? MOST_GREETING_BYTES : MOST_BYTES)
      if (frame === undefined) return
      if (isGreeting) checkGreeting(frame)
      else if (this.#fails(frame, pendingQueue)) continue
      this.#receive(frame)
    }
  }

  /** Checks a frame. If it is malformed, fails the request that it answers, and returns `true`; the library then does not see the frame. */
  #fails(frame: Buffer, asked: PendingQuestion[]): boolean {
    const failure = checkReply(frame, asked[0]?.request.header)
    if (failure !== undefined) asked.shift()?.callback(failure)
    return failure !== undefined
  }

  /** Removes the server's watch of a path. Ignores the case that there is none. */
  unwatch(path: string): void {
    const manager = this.#manager
    if (manager.state === CONNECTED) manager.queue(new Unwatch(`${manager.chrootPath ?? ''}${path}`))
  }

  #entered(state: number): void {
    const manager = this.#manager
    if (state === CONNECTED) {
      this.#progress = 'greeted'
      this.#owner.connected()
    } else if (state === EXPIRED) {
      this.#progress = 'greeted'
      this.#owner.expired()
      manager.socket?.destroy()
    } else if (state === DISCONNECTED) {
      // The rest of a partial response would be read as the start of the next connection's first response.
      this.#frames.clear()
      // The next connection would send these pending requests, although their callers have given up.
      manager.packetQueue.queue.length = 0
      const isRefused = this.#progress === 'reached' && this.#why === undefined
      const reason = this.#progress === 'greeted' ? this.#why : notGreeted(this.#why)
      this.#owner.disconnected(reason ?? new HungUp('the connection was closed'), isRefused)
    }
  }
}

/** Sets the version in the transaction itself, because the library's methods take version 0 for any version. */
function exactly(version: number, transaction: Transaction): Transaction {
  const [first] = (transaction as Transaction & { readonly ops: readonly { version: number }[] }).ops
  if (first !== undefined) first.version = version
  return transaction
}

const DISCONNECTED = 0
const CONNECTING = 1
const CONNECTED = 2
const EXPIRED = -3

/** Enough for the names of a million servers. */
const MOST_BYTES = 64 * 2 ** 20
const MOST_GREETING_BYTES = 1_024

interface PendingQuestion {
  readonly request: { readonly header: Question }
  callback(error: Error): void
}

/** The private members of the library that this class uses. */
interface ConnectionManager extends Pick<EventEmitter<{ state: [number] }>, 'on'> {
  socket: Socket | undefined
  readonly packetQueue: { readonly queue: unknown[] }
  readonly pendingQueue: PendingQuestion[]
  readonly chrootPath: string | undefined
  queue(request: PendingQuestion['request']): void
  readonly state: number
  zxid: Buffer
  watcherManager: Watchers
  connect: () => void
  setState(state: number): void
  onSocketConnected(): void
  onSocketData: (chunk: Buffer) => void
  onSocketDrain(): void
  onSocketClosed(): void
}

/**
 * A replacement for the library's watcher manager. That one cannot remove watchers, throws at unknown events, and sets abandoned watches
 * again after a reconnect.
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
