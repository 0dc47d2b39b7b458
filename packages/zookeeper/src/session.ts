import type { Entry, Layout, RegistrySession, Replica, StoredEntry } from '@rpcx/core'
import { followNothing } from '@rpcx/core'
import { ChangeSignal } from './change-signal.ts'
import type { Connection, Znode } from './connection.ts'
import { isAnswer } from './failure.ts'
import { isNodeName } from './node-name.ts'
import { followDirectory } from './service-view.ts'
import type { SessionConnections } from './session-connections.ts'

/** One ZooKeeper session. It outlives its connections; core makes it reconnect. */
export class ZooKeeperSession implements RegistrySession {
  readonly ended: Promise<Error>
  readonly #connections: SessionConnections
  readonly #layout: Layout
  /** The ids of closed sessions of the driver. */
  readonly #earlier: Set<string>

  constructor(connections: SessionConnections, layout: Layout, earlier: Set<string>) {
    this.#connections = connections
    this.#layout = layout
    this.#earlier = earlier
    this.ended = connections.ended
  }

  get ttlMs(): number {
    return this.#connections.timeoutMs
  }

  async watchService(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    const connection = await this.#connections.connect()
    if (!isNodeName(service)) return followNothing(into, signal)
    await followDirectory(connection, this.#layout.directory(service), into, signal)
  }

  async watchEntry(
    service: string,
    address: string,
    saw: (held: StoredEntry | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const path = this.#layout.leaf(service, address)
    const connection = await this.#connections.connect()
    const changes = new ChangeSignal()
    const unlisten = connection.listen(path, () => changes.set())
    changes.set()
    try {
      while (await changes.wait(connection.down, signal)) {
        const found = await look(connection, path)
        if (!signal.aborted) saw(found && this.#held(found))
      }
    } finally {
      unlisten()
    }
  }

  async write(
    { service, address, metadata }: Entry,
    over: StoredEntry | undefined,
    audience: 'all' | 'metrics',
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    const path = this.#layout.leaf(service, address)
    const connection = await this.#connections.connect()
    // A node that was deleted and created again may have the same version, so only the transaction distinguishes the two.
    const found = over && (await connection.read(path))
    if (found?.transaction !== over?.version) return undefined
    signal.throwIfAborted()
    try {
      if (found === undefined) return await this.#create(connection, service, path, metadata, signal)
      // Go clients watch only the list of nodes, so a change for all readers needs a new node.
      if (audience === 'all') return await connection.replace(path, found.version, metadata)
      return await connection.change(path, found.version, metadata)
    } catch (error) {
      if (isAnswer(error, 'NODE_EXISTS', 'BAD_VERSION') || (over && isAnswer(error, 'NO_NODE')))
        return undefined
      throw error
    }
  }

  async remove(service: string, address: string, signal: AbortSignal): Promise<void> {
    const path = this.#layout.leaf(service, address)
    const connection = await this.#connections.connect()
    const found = await connection.read(path)
    if (found?.owner !== connection.sessionId) return
    signal.throwIfAborted()
    try {
      await connection.remove(path, found.version)
    } catch (error) {
      if (isAnswer(error, 'NO_NODE')) return
      if (!isAnswer(error, 'BAD_VERSION')) throw error
      // Another writer was faster, so the node must be read again to see its owner.
      await this.remove(service, address, signal)
    }
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#earlier.add(this.#connections.sessionId)
    await this.#connections.close(signal)
  }

  /** Creates the node. If that fails because a parent is missing, creates the parents and tries again. */
  async #create(
    connection: Connection,
    service: string,
    path: string,
    metadata: string,
    signal: AbortSignal,
  ): Promise<bigint> {
    try {
      return await connection.create(path, metadata)
    } catch (error) {
      if (!isAnswer(error, 'NO_NODE')) throw error
    }
    const directories = this.#layout.directories(service)
    await connection.createDirectories([...parents(this.#layout.base), ...directories])
    signal.throwIfAborted()
    return connection.create(path, metadata)
  }

  #held({ data, transaction, owner }: Znode): StoredEntry {
    const isOurs = owner === this.#connections.sessionId
    const by = owner === NOBODY ? 'nobody' : isOurs ? 'us' : this.#earlier.has(owner) ? 'earlier' : 'other'
    return { metadata: data, version: transaction, by }
  }
}

const NOBODY = '0'.repeat(16)

/** Reads the current node. Calls the listeners of its path when it changes. */
async function look(connection: Connection, path: string): Promise<Znode | undefined> {
  for (;;) {
    const found = await connection.read(path)
    if (found !== undefined) return found
    // Only this watch reports its creation. It may have been created just now.
    if (!(await connection.exists(path))) return undefined
  }
}

/** Returns the parents of a base path with several parts. Go creates them empty, too. */
function parents(base: string): (readonly [path: string, data: string])[] {
  return [...base.matchAll(/(?!^)\//g)].map(({ index }) => [base.slice(0, index), ''])
}
