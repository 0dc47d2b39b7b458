import type { Announcement, Entry, Holder } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import { Bell } from './bell.ts'
import type { Connection, Znode } from './connection.ts'
import { isAnswer } from './failure.ts'
import type { ZooKeeperLink } from './link.ts'
import type { Paths } from './paths.ts'

/** One node that ends with our session. */
export class ZooKeeperAnnouncement implements Announcement {
  readonly #entry: Entry
  readonly #link: ZooKeeperLink
  readonly #paths: Paths
  readonly #holder: Holder
  readonly #path: string
  /** What the node holds, as far as we know, and its version. */
  #data: string
  #version = 0
  /** What we wrote without hearing whether it was taken. */
  #unconfirmed: string | undefined
  /** What the holder takes `#data` for, since it heard of no success. */
  #believed: string | undefined
  #isOver = false
  /** One after the other: the node is never looked at while we are changing it. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(entry: Entry, link: ZooKeeperLink, paths: Paths, holder: Holder) {
    this.#entry = entry
    this.#link = link
    this.#paths = paths
    this.#holder = holder
    this.#path = paths.leaf(entry.service, entry.address)
    this.#data = entry.metadata
  }

  /** Makes the node, unless `signal` aborts meanwhile. @throws `ERR_RPCX_CONFLICT` when it is not ours to restore */
  async put(mode: 'claim' | 'restore', ourSessions: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const connection = await this.#link.connect()
    signal.throwIfAborted()
    try {
      await this.#create(connection)
    } catch (error) {
      if (!isAnswer(error, 'NODE_EXISTS')) throw error
      const found = await connection.read(this.#path)
      if (mode === 'restore' && found !== undefined && !ourSessions.has(found.owner)) throw this.#conflict()
      signal.throwIfAborted()
      await connection.replace(this.#path, mode === 'restore' ? found?.version : undefined, this.#data)
    }
    if (!signal.aborted) return
    await this.withdraw()
    throw signal.reason
  }

  async watch(signal: AbortSignal, looking: () => void): Promise<void> {
    const connection = await this.#link.connect()
    const bell = new Bell()
    const unlisten = connection.listen(this.#path, () => bell.ring())
    bell.ring()
    try {
      while (await bell.heard(connection.down, signal)) {
        await this.#alone(async () => this.#found(await connection.read(this.#path), connection))
        looking()
      }
    } finally {
      unlisten()
    }
  }

  update(expected: string, next: string, audience: 'all' | 'metrics'): Promise<boolean> {
    return this.#alone(async () => {
      const connection = await this.#link.connect()
      if (this.#unconfirmed !== undefined) this.#found(await connection.read(this.#path), connection)
      if (this.#isOver) throw this.#loss('is no longer held')
      if (expected !== (this.#believed ?? this.#data)) return false
      this.#unconfirmed = next
      try {
        this.#version = await this.#write(connection, next, audience)
      } catch (error) {
        if (!isAnswer(error, 'NO_NODE', 'BAD_VERSION')) throw error
        // Someone else wrote, which `watch` is about to see.
        this.#unconfirmed = undefined
        return false
      }
      this.#data = next
      this.#unconfirmed = undefined
      this.#believed = undefined
      return true
    })
  }

  async withdraw(): Promise<void> {
    this.#isOver = true
    await this.#alone(async () => {
      const connection = await this.#link.connect()
      const found = await connection.read(this.#path)
      if (found?.owner !== connection.sessionId) return
      try {
        await connection.remove(this.#path, found.version)
      } catch (error) {
        if (!isAnswer(error, 'NO_NODE')) throw error
      }
    })
  }

  async #create(connection: Connection): Promise<void> {
    try {
      await connection.create(this.#path, this.#data)
    } catch (error) {
      if (!isAnswer(error, 'NO_NODE')) throw error
      await connection.createDirectories(this.#paths.directories(this.#entry.service))
      await connection.create(this.#path, this.#data)
    }
  }

  /** Go's clients watch only which nodes there are, so what all should see is a new node. */
  async #write(connection: Connection, next: string, audience: 'all' | 'metrics'): Promise<number> {
    if (audience === 'metrics') return connection.write(this.#path, this.#version, next)
    await connection.replace(this.#path, this.#version, next)
    return 0
  }

  /** What our node is now. */
  #found(found: Znode | undefined, { sessionId }: Connection): void {
    if (this.#isOver) return
    if (found === undefined) this.#lose('deleted', 'was deleted by someone')
    else if (found.owner !== sessionId) this.#lose('taken', 'is held by another server')
    else {
      const { data, version } = found
      this.#version = version
      if (data === this.#data) return
      if (data === this.#unconfirmed) this.#believed ??= this.#data
      this.#data = data
      if (data === this.#unconfirmed) return
      this.#unconfirmed = undefined
      this.#believed = undefined
      this.#holder.changed(data)
    }
  }

  #lose(why: 'deleted' | 'taken', text: string): void {
    this.#isOver = true
    this.#holder.lost(why, this.#loss(text))
  }

  #loss(text: string): RpcxError {
    return new RpcxError('ERR_RPCX_LOST', `zookeeper: ${this.#path} ${text}`)
  }

  #conflict(): RpcxError {
    return new RpcxError('ERR_RPCX_CONFLICT', `zookeeper: another server holds ${this.#path}`)
  }

  #alone<T>(operation: () => Promise<T>): Promise<T> {
    const done = this.#last.then(operation)
    this.#last = done.catch(() => {})
    return done
  }
}
