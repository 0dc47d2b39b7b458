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

/** Who hears what becomes of the library's connection. */
export interface LibraryOwner {
  connected(): void
  /** Also when an attempt to connect fails. @param isRefused whether a server hung up without a greeting */
  disconnected(reason: Error, isRefused: boolean): void
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
  readonly #settings: Settings
  readonly #receive: (frame: Buffer) => void
  readonly #frames = new Frames()
  readonly #owner: LibraryOwner
  #server: RegistryHost | undefined
  #why: Error | undefined
  /** How far the attempt to connect has come. */
  #progress: 'none' | 'reached' | 'greeted' = 'none'

  constructor(settings: Settings, owner: LibraryOwner) {
    const { chroot, timeoutMs, digest } = settings
    this.#settings = settings
    this.client = createClient(`localhost:2181${chroot}`, { sessionTimeout: timeoutMs, retries: 0 })
    // Sent at each connection before anything else.
    if (digest) this.client.addAuthInfo('digest', Buffer.from(`${digest.user}:${digest.password}`))
    this.#owner = owner
    const manager = (this.client as Client & { readonly connectionManager: ConnectionManager })
      .connectionManager
    this.#manager = manager
    // Called by the library itself after each disconnect.
    manager.connect = () => {}
    manager.watcherManager = new Watchers(owner)
    this.#receive = manager.onSocketData.bind(manager)
    manager.onSocketData = chunk => {
      try {
        this.#received(chunk)
      } catch (error) {
        // An answer that nobody knows; what comes after it cannot be trusted.
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

  /** Which transaction the newest answer is of, or was read after. */
  get lastTransaction(): bigint {
    return this.#manager.zxid.readBigInt64BE()
  }

  /**
   * A server that has seen less than we have hangs up on us. When all do, they were restored to an earlier state. Returns whether
   * there was anything to forget.
   */
  forgetTransactions(): boolean {
    const hasSeen = this.lastTransaction !== 0n
    this.#manager.zxid = Buffer.alloc(8)
    return hasSeen
  }

  /** @param server the one before by default */
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
    // The library itself speaks no TLS; it does not see the difference.
    const socket = openSocket(server, this.#settings.tls, this.#settings.lookup, ready)
    manager.socket = socket
      .on('data', chunk => manager.onSocketData(chunk))
      .on('drain', () => manager.onSocketDrain())
      .on('close', () => manager.onSocketClosed())
      // After an error of TLS alone, Node does not close the socket.
      .on('error', error => this.drop(error))
  }

  /** Ends the connection, not the session. */
  drop(reason: Error): void {
    this.#why ??= reason
    this.#manager.socket?.destroy()
  }

  /** Makes an ephemeral node. */
  creation(path: string, data: Buffer, acl: ACL[]): Transaction {
    return this.client.transaction().create(path, data, acl, CreateMode.EPHEMERAL)
  }

  /** Deletes this version of a node and makes an ephemeral one in its place, at once. */
  replacement(path: string, version: number, data: Buffer, acl: ACL[]): Transaction {
    const removal = exactly(version, this.client.transaction().remove(path))
    return removal.create(path, data, acl, CreateMode.EPHEMERAL)
  }

  change(path: string, version: number, data: Buffer): Transaction {
    return exactly(version, this.client.transaction().setData(path, data))
  }

  /** The library gets whole frames, and none that lies about its lengths: it would run, or take memory, without end. */
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

  /** Whether this frame fails the question that it answers, without the library. */
  #fails(frame: Buffer, asked: PendingQuestion[]): boolean {
    const failure = checkReply(frame, asked[0]?.request.header)
    if (failure !== undefined) asked.shift()?.callback(failure)
    return failure !== undefined
  }

  /** Has the server watch a path no longer. Without a word when it did not. */
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
      // Half an answer would be read as the beginning of the next connection's first.
      this.#frames.clear()
      // What waits here would be sent by the next connection, when nobody wants it any more.
      manager.packetQueue.queue.length = 0
      const isRefused = this.#progress === 'reached' && this.#why === undefined
      const reason = this.#progress === 'greeted' ? this.#why : notGreeted(this.#why)
      this.#owner.disconnected(reason ?? new HungUp('the connection was closed'), isRefused)
    }
  }
}

/** Given to the library's own methods, version 0 would mean any version. */
function exactly(version: number, transaction: Transaction): Transaction {
  const [first] = (transaction as Transaction & { readonly ops: readonly { version: number }[] }).ops
  if (first !== undefined) first.version = version
  return transaction
}

const DISCONNECTED = 0
const CONNECTING = 1
const CONNECTED = 2
const EXPIRED = -3

/** Room for the names of a million servers. */
const MOST_BYTES = 64 * 2 ** 20
const MOST_GREETING_BYTES = 1_024

interface PendingQuestion {
  readonly request: { readonly header: Question }
  callback(error: Error): void
}

/** What the library keeps to itself. */
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
