import type { Clock } from '@rpcx/core'
import type { ACL, Stat, Transaction } from 'node-zookeeper-client'
import { CreateMode } from 'node-zookeeper-client'
import { explain, isAnswer, isLoss } from './failure.ts'
import { hungUpOn, isHangUp } from './hung-up.ts'
import type { Library } from './library.ts'
import type { Suspects } from './suspects.ts'

/** A node as it was read. */
export interface Znode {
  readonly data: string
  /** How often it was written since it was made. */
  readonly version: number
  /** Which transaction of ZooKeeper's wrote it last. */
  readonly transaction: bigint
  /** The session that it ends with; sixteen zeros without one. */
  readonly owner: string
}

export interface ConnectionOptions {
  readonly clock: Clock
  /** Whom it is to and who we are there, in errors. */
  readonly subject: string
  /** How long an answer may take. */
  readonly answerMs: number
  /** Of all nodes that are made. */
  readonly acl: ACL[]
  /** What is asked last. */
  readonly suspects: Suspects
}

/**
 * One TCP connection's worth of requests and watches: when it is down, all of them have ended. Requests are answered in their
 * order, so one that is not answered in time takes the connection down.
 */
export class Connection {
  readonly #library: Library
  readonly #options: ConnectionOptions
  readonly #down = new AbortController()
  /** What rejects each request, in the order in which they are answered. */
  readonly #unanswered = new Map<(reason: Error) => void, Asked>()
  readonly #listeners = new Map<string, Set<() => void>>()
  /** How many questions there were. */
  #asked = 0

  constructor(library: Library, options: ConnectionOptions) {
    this.#library = library
    this.#options = options
  }

  get clock(): Clock {
    return this.#options.clock
  }

  /** Aborts when the connection is lost, with the reason. */
  get down(): AbortSignal {
    return this.#down.signal
  }

  /** The session, as in the `owner` of a node. */
  get sessionId(): string {
    return this.#library.sessionId
  }

  /** Whether the root is there, which is the chroot where there is one. Also shows that there is somebody who answers. */
  async probe(): Promise<boolean> {
    const stat = await this.#ask<Stat | null>('answer', done => this.#library.client.exists('/', done))
    return stat !== null
  }

  /** Whether the node is there; tells the listeners of its path once when that changes. */
  async exists(path: string): Promise<boolean> {
    const stat = await this.#ask<Stat | null>(`look for ${path}`, done =>
      this.#library.client.exists(path, WATCH, done),
    )
    return stat !== null
  }

  /** Its children's names; tells the listeners of its path once when they change. `undefined` when there is no such node. */
  children(path: string): Promise<readonly string[] | undefined> {
    return orUndefined(
      this.#ask<readonly string[]>(`list ${path}`, done =>
        this.#library.client.getChildren(path, WATCH, done),
      ),
    )
  }

  /** The node; tells the listeners of its path once when it changes. `undefined` when there is none. */
  read(path: string): Promise<Znode | undefined> {
    return orUndefined(
      this.#ask<Znode>(`read ${path}`, done =>
        this.#library.client.getData(path, WATCH, (error, data, stat) =>
          done(error, error ? undefined : znode(data, stat)),
        ),
      ),
    )
  }

  /** Makes a node that ends with the session. Resolves to the transaction, as each of those that write. */
  create(path: string, data: string): Promise<bigint> {
    const bytes = Buffer.from(data)
    return this.#commit(`create ${path}`, this.#library.creation(path, bytes, this.#options.acl), bytes)
  }

  /** Deletes this version of the node and makes it anew as ours, at once. */
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

  /** Makes those that are not there yet, for ever. */
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

  /** Has `listener` called at each event of a watched path until the returned function is called. */
  listen(path: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(path) ?? new Set()
    this.#listeners.set(path, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(path) === listeners) this.#listeners.delete(path)
    }
  }

  /** Has the server watch these paths no longer, except those that others listen to. */
  unwatch(paths: Iterable<string>): void {
    if (this.#down.signal.aborted) return
    for (const path of paths) if (!this.#listeners.has(path)) this.#library.unwatch(path)
  }

  notified(path: string): void {
    for (const listener of [...(this.#listeners.get(path) ?? [])]) listener()
  }

  /** It was lost. */
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

  /** Waits until no other question has come for a while, or all have been waited for long enough. */
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
      // In a loop that was blocked, the answer may have come and only not been read.
      const timer = clock.setTimeout(() => setImmediate(late), answerMs)
      timer.unref()
      const lost = (reason: Error): void => {
        clock.clear(timer)
        reject(reason)
      }
      this.#unanswered.set(lost, { what, dataBytes })
      this.#asked++
      const answered = (error: unknown, value?: T): void => {
        // Told of the loss by the library, which does not know the reason; ours follows.
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
        // The library refuses to ask that, which is no fault of the connection.
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

/** Makes the server watch; what it then tells goes to the listeners of the path. */
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
