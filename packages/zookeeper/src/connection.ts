import { setMaxListeners } from 'node:events'
import type { Clock } from '@rpcx/core'
import type { ACL, Stat, Transaction } from 'node-zookeeper-client'
import { CreateMode } from 'node-zookeeper-client'
import { explain, isAnswer, isLoss } from './failure.ts'
import { hungUpOn, isHangUp } from './hung-up.ts'
import type { Library } from './library.ts'
import type { Suspects } from './suspects.ts'

/** A ZooKeeper node as it was read. */
export interface Znode {
  readonly data: string
  /** The number of writes since the node was created. */
  readonly version: number
  /** The ZooKeeper transaction that last wrote the node. */
  readonly transaction: bigint
  /** The session that owns an ephemeral node; sixteen zeros for a persistent node. */
  readonly owner: string
}

export interface ConnectionOptions {
  readonly clock: Clock
  /** The server and the user, for errors. */
  readonly subject: string
  /** The response timeout in milliseconds. */
  readonly answerMs: number
  /** The ACL of every created node. */
  readonly acl: ACL[]
  /** The requests that are sent last. */
  readonly suspects: Suspects
}

/**
 * The requests and watches of one TCP connection. All of them end with the connection. ZooKeeper answers requests in order, so a request
 * that times out closes the connection.
 */
export class Connection {
  readonly #library: Library
  readonly #options: ConnectionOptions
  readonly #down = new AbortController()
  /** The function that rejects each request, in the order in which ZooKeeper answers them. */
  readonly #unanswered = new Map<(reason: Error) => void, Asked>()
  readonly #listeners = new Map<string, Set<() => void>>()
  /** The number of requests so far. */
  #asked = 0

  constructor(library: Library, options: ConnectionOptions) {
    // Each watch adds a listener.
    setMaxListeners(0, this.#down.signal)
    this.#library = library
    this.#options = options
  }

  get clock(): Clock {
    return this.#options.clock
  }

  /** Aborts with the reason when the connection is lost. */
  get down(): AbortSignal {
    return this.#down.signal
  }

  /** The id of the session, in the format of `Znode.owner`. */
  get sessionId(): string {
    return this.#library.sessionId
  }

  /** Returns whether the root exists, which is the chroot if one is set. Also shows that the server answers. */
  async probe(): Promise<boolean> {
    const stat = await this.#ask<Stat | null>('answer', done => this.#library.client.exists('/', done))
    return stat !== null
  }

  /** Returns whether the node exists. Calls the listeners of its path once when that changes. */
  async exists(path: string): Promise<boolean> {
    const stat = await this.#ask<Stat | null>(`look for ${path}`, done =>
      this.#library.client.exists(path, WATCH, done),
    )
    return stat !== null
  }

  /** Returns the names of the children; `undefined` when the node does not exist. Calls the listeners of its path once when they change. */
  children(path: string): Promise<readonly string[] | undefined> {
    return orUndefined(
      this.#ask<readonly string[]>(`list ${path}`, done =>
        this.#library.client.getChildren(path, WATCH, done),
      ),
    )
  }

  /** Reads the node; `undefined` when it does not exist. Calls the listeners of its path once when it changes. */
  read(path: string): Promise<Znode | undefined> {
    return orUndefined(
      this.#ask<Znode>(`read ${path}`, done =>
        this.#library.client.getData(path, WATCH, (error, data, stat) =>
          done(error, error ? undefined : znode(data, stat)),
        ),
      ),
    )
  }

  /** Creates an ephemeral node. Resolves to the transaction, like the other methods that write. */
  create(path: string, data: string): Promise<bigint> {
    const bytes = Buffer.from(data)
    return this.#commit(`create ${path}`, this.#library.creation(path, bytes, this.#options.acl), bytes)
  }

  /** Deletes this version of the node and creates it again as ours, in one transaction. */
  replace(path: string, version: number, data: string): Promise<bigint> {
    const bytes = Buffer.from(data)
    const transaction = this.#library.replacement(path, version, bytes, this.#options.acl)
    return this.#commit(`replace ${path}`, transaction, bytes)
  }

  /** Writes to this version of the node. */
  change(path: string, version: number, data: string): Promise<bigint> {
    const bytes = Buffer.from(data)
    return this.#commit(`write ${path}`, this.#library.change(path, version, bytes), bytes)
  }

  async remove(path: string, version: number): Promise<void> {
    await this.#ask(`remove ${path}`, done => this.#library.client.remove(path, version, done))
  }

  /** Creates the missing directories as persistent nodes. */
  async createDirectories(directories: readonly (readonly [path: string, data: string])[]): Promise<void> {
    const { acl } = this.#options
    const created = directories.map(([path, data]) =>
      this.#ask(`create ${path}`, done =>
        this.#library.client.create(path, Buffer.from(data), acl, CreateMode.PERSISTENT, done),
      ).catch(error => {
        if (!isAnswer(error, 'NODE_EXISTS')) throw error
      }),
    )
    await Promise.all(created)
  }

  /** Calls `listener` at each event of a watched path until the returned function is called. */
  listen(path: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(path) ?? new Set()
    this.#listeners.set(path, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(path) === listeners) this.#listeners.delete(path)
    }
  }

  /** Removes the server's watches of these paths, except paths with other listeners. */
  unwatch(paths: Iterable<string>): void {
    if (this.#down.signal.aborted) return
    for (const path of paths) if (!this.#listeners.has(path)) this.#library.unwatch(path)
  }

  notified(path: string): void {
    for (const listener of [...(this.#listeners.get(path) ?? [])]) listener()
  }

  /** Rejects all pending requests: the connection is lost. */
  lost(cause: Error): void {
    const asked = [...this.#unanswered.values()]
    const [next] = asked
    if (next !== undefined && !isHangUp(cause)) this.#options.suspects.blame(next.what)
    const bytes = Math.max(0, ...asked.map(({ dataBytes }) => dataBytes))
    const reason = explain(hungUpOn(bytes, cause), this.#options.subject)
    this.#down.abort(reason)
    for (const reject of this.#unanswered.keys()) reject(reason)
    this.#unanswered.clear()
    this.#listeners.clear()
  }

  #commit(what: string, transaction: Transaction, { length }: Buffer): Promise<bigint> {
    return this.#ask<bigint>(
      what,
      done => transaction.commit(error => done(error, this.#library.lastTransaction)),
      length,
    )
  }

  async #ask<T>(what: string, send: Send<T>, dataBytes = 0): Promise<T> {
    if (this.#options.suspects.has(what)) await this.#othersAnswered()
    return this.#send(what, send, dataBytes)
  }

  /** Waits until no other request is pending and no new one has come for a moment, or until a time limit. */
  async #othersAnswered(): Promise<void> {
    for (let i = 0; i < MOST_WAITS && !this.#down.signal.aborted; i++) {
      const asked = this.#asked
      await this.clock.sleep(WAIT_MS, this.#down.signal)
      if (this.#unanswered.size === 0 && this.#asked === asked) return
    }
  }

  #send<T>(what: string, send: Send<T>, dataBytes: number): Promise<T> {
    const { clock, subject, answerMs, suspects } = this.#options
    return new Promise((resolve, reject) => {
      this.#down.signal.throwIfAborted()
      const late = (): void => {
        if (this.#unanswered.has(lost))
          this.#library.drop(new Error(`no answer to '${what}' within ${answerMs} ms`))
      }
      // After a blocked event loop, the response may have arrived but not been read yet.
      const timer = clock.setTimeout(() => setImmediate(late), answerMs).unref()
      const lost = (reason: Error): void => {
        clock.clear(timer)
        reject(reason)
      }
      this.#unanswered.set(lost, { what, dataBytes })
      this.#asked++
      const answered = (error: unknown, value?: T): void => {
        // The library reports the loss without its reason; `lost` rejects with the reason.
        if (isLoss(error)) return
        if (!this.#unanswered.delete(lost)) return
        suspects.answered(what)
        clock.clear(timer)
        if (error) reject(explain(error as Error, `${subject}: ${what}`))
        else resolve(value as T)
      }
      try {
        send(answered)
      } catch (error) {
        // The library refuses to send this request, so the connection is not at fault.
        answered(error)
      }
    })
  }
}

type Send<T> = (done: (error: unknown, value?: T) => void) => void

interface Asked {
  readonly what: string
  readonly dataBytes: number
}

const WAIT_MS = 50
const MOST_WAITS = 20

/** Makes the server set a watch. Its events go to the listeners of the path. */
const WATCH = (): void => {}

function znode(data: Buffer | undefined, { version, mzxid, ephemeralOwner }: Stat): Znode {
  return {
    data: data?.toString() ?? '',
    version,
    transaction: mzxid.readBigInt64BE(),
    owner: ephemeralOwner.toString('hex'),
  }
}

async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (isAnswer(error, 'NO_NODE')) return undefined
    throw error
  }
}
