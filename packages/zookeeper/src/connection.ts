import type { Stat } from 'node-zookeeper-client'
import { CreateMode } from 'node-zookeeper-client'
import { explain, isAnswer, isLoss } from './failure.ts'
import type { Library } from './library.ts'

/** A node as it was read. */
export interface Znode {
  readonly data: string
  readonly version: number
  /** The session that it ends with; sixteen zeros without one. */
  readonly owner: string
}

/**
 * One TCP connection's worth of requests and watches: when it is down, all of them have ended. Requests are answered in their
 * order, so one that is not answered in time takes the connection down.
 */
export class Connection {
  readonly #library: Library
  readonly #server: string
  readonly #answerMs: number
  readonly #down = new AbortController()
  readonly #unanswered = new Set<(reason: Error) => void>()
  readonly #listeners = new Map<string, Set<() => void>>()

  constructor(library: Library, server: string, answerMs: number) {
    this.#library = library
    this.#server = server
    this.#answerMs = answerMs
  }

  /** Aborts when the connection is lost, with the reason. */
  get down(): AbortSignal {
    return this.#down.signal
  }

  /** The session, as in the `owner` of a node. */
  get sessionId(): string {
    return this.#library.sessionId
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

  /** Makes a node that ends with the session. */
  async create(path: string, data: string): Promise<void> {
    await this.#ask(`create ${path}`, done =>
      this.#library.client.create(path, Buffer.from(data), CreateMode.EPHEMERAL, done),
    )
  }

  /** Makes those that are not there yet, for ever. */
  async createDirectories(directories: readonly (readonly [path: string, data: string])[]): Promise<void> {
    const created = directories.map(([path, data]) =>
      this.#ask(`create ${path}`, done =>
        this.#library.client.create(path, Buffer.from(data), CreateMode.PERSISTENT, done),
      ).catch(error => {
        if (!isAnswer(error, 'NODE_EXISTS')) throw error
      }),
    )
    await Promise.all(created)
  }

  /** Deletes the node and makes it anew as ours, at once. @param version refuses another one; `undefined` takes any */
  async replace(path: string, version: number | undefined, data: string): Promise<void> {
    const transaction = this.#library.replacement(path, version, Buffer.from(data))
    await this.#ask(`replace ${path}`, done => transaction.commit(done))
  }

  /** Resolves to the new version. */
  async write(path: string, version: number, data: string): Promise<number> {
    const stat = await this.#ask<Stat>(`write ${path}`, done =>
      this.#library.client.setData(path, Buffer.from(data), version, done),
    )
    return stat.version
  }

  async remove(path: string, version: number): Promise<void> {
    await this.#ask(`remove ${path}`, done => this.#library.client.remove(path, version, done))
  }

  /** Any answer will do: it shows that there is somebody. */
  async probe(): Promise<void> {
    await this.#ask('answer', done => this.#library.client.exists('/', done))
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

  notified(path: string): void {
    for (const listener of [...(this.#listeners.get(path) ?? [])]) listener()
  }

  /** It was lost. */
  lost(cause: Error): void {
    const reason = explain(cause, `zookeeper ${this.#server}`)
    this.#down.abort(reason)
    for (const reject of this.#unanswered) reject(reason)
    this.#unanswered.clear()
    this.#listeners.clear()
  }

  #ask<T>(what: string, send: (done: (error: unknown, value?: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#down.signal.throwIfAborted()
      const timer = setTimeout(() => {
        this.#library.drop(new Error(`no answer to '${what}' within ${this.#answerMs} ms`))
      }, this.#answerMs).unref()
      const lost = (reason: Error): void => {
        clearTimeout(timer)
        reject(reason)
      }
      this.#unanswered.add(lost)
      send((error, value) => {
        // Told of the loss by the library, which does not know the reason; ours follows.
        if (isLoss(error)) return
        if (!this.#unanswered.delete(lost)) return
        clearTimeout(timer)
        if (error) reject(explain(error as Error, `zookeeper ${this.#server}: ${what}`))
        else resolve(value as T)
      })
    })
  }
}

/** Makes the server watch; what it then tells goes to the listeners of the path. */
const WATCH = (): void => {}

function znode(data: Buffer | undefined, { version, ephemeralOwner }: Stat): Znode {
  return { data: data?.toString() ?? '', version, owner: ephemeralOwner.toString('hex') }
}

async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (isAnswer(error, 'NO_NODE')) return undefined
    throw error
  }
}
