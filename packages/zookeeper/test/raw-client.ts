import { createConnection } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { attachToZooKeeperSession } from '@rpcx/servers'
import type { ACL, Client, Stat } from 'node-zookeeper-client'
import { CreateMode, createClient, Exception, State } from 'node-zookeeper-client'

/** The contents of one node in ZooKeeper. */
export interface Stored {
  readonly data: string
  readonly version: number
  /** The transaction that created it, the same for the whole life of the node. */
  readonly made: string
  /** Sixteen zeros without one. */
  readonly owner: string
}

/** Reads and changes ZooKeeper, without the package that is tested. */
export class RawClient {
  readonly client: Client
  readonly #address: string

  private constructor(address: string, client: Client) {
    this.#address = address
    this.client = client
  }

  /** @param digest `user:password` @throws Error when ZooKeeper does not answer in time; nothing is left open then */
  static async open(address: string, digest?: string): Promise<RawClient> {
    const client = createClient(address, { sessionTimeout: 4_000 })
    const raw = new RawClient(address, client)
    let late: NodeJS.Timeout | undefined
    const connected = new Promise<void>((resolve, reject) => {
      client.once('connected', () => resolve())
      late = setTimeout(() => {
        void raw.close()
        reject(new Error(`ZooKeeper at ${address} did not answer within ${OPEN_MS} ms`))
      }, OPEN_MS)
    })
    // Half an answer would be read as the beginning of the next connection's first.
    client.on('disconnected', () => (managerOf(client).pendingBuffer = null))
    client.connect()
    await connected.finally(() => clearTimeout(late))
    if (digest !== undefined) client.addAuthInfo('digest', Buffer.from(digest))
    return raw
  }

  /** Opens another client with its own session at the same server. */
  another(): Promise<RawClient> {
    return RawClient.open(this.#address)
  }

  get(path: string): Promise<Stored | undefined> {
    return new Promise((resolve, reject) => {
      this.client.getData(path, (error, data, stat: Stat) => {
        if (isNoNode(error)) resolve(undefined)
        else if (error) reject(error)
        else {
          resolve({
            data: data?.toString() ?? '',
            version: stat.version,
            made: stat.czxid.toString('hex'),
            owner: stat.ephemeralOwner.toString('hex'),
          })
        }
      })
    })
  }

  /** Changes the node, or creates a persistent one and its parents. */
  async put(path: string, data: string | Buffer): Promise<void> {
    const parent = path.slice(0, path.lastIndexOf('/'))
    if (parent !== '') await promisify((done: Done) => this.client.mkdirp(parent, done))()
    if ((await this.get(path)) !== undefined) return this.edit(path, data)
    await promisify((done: Done) =>
      this.client.create(path, Buffer.from(data as string), CreateMode.PERSISTENT, done),
    )()
  }

  /** Creates many nodes below one directory, concurrently. */
  async putAll(directory: string, names: readonly string[], data: string): Promise<void> {
    await this.put(directory, '')
    await Promise.all(names.map(name => this.put(`${directory}/${name}`, data)))
  }

  async edit(path: string, data: string | Buffer): Promise<void> {
    await promisify((done: Done) => this.client.setData(path, Buffer.from(data as string), done))()
  }

  async remove(path: string): Promise<void> {
    await promisify((done: Done) => this.client.remove(path, done))().catch(error => {
      if (!isNoNode(error)) throw error
    })
  }

  /** Deletes the node and everything below it. */
  async removeAll(path: string): Promise<void> {
    for (const child of await this.children(path)) await this.removeAll(`${path}/${child}`)
    await this.remove(path)
  }

  removeAtOnce(paths: readonly string[]): Promise<void> {
    const transaction = this.client.transaction()
    for (const path of paths) transaction.remove(path)
    return new Promise((resolve, reject) => transaction.commit(error => (error ? reject(error) : resolve())))
  }

  /** Resolves to an empty list when there is no such node. */
  children(path: string): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.client.getChildren(path, (error, children) => {
        if (isNoNode(error)) resolve([])
        else if (error) reject(error)
        else resolve(children.toSorted())
      })
    })
  }

  /** Resolves to the ACL as in `zkCli`, but with a number for the permissions: `world:anyone:31`. */
  acl(path: string): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.client.getACL(path, (error, acls) => {
        if (error) reject(error)
        else resolve((acls as (ACL & { permission: number })[]).map(written))
      })
    })
  }

  setAcl(path: string, acl: ACL[]): Promise<unknown> {
    return promisify((done: Done) => this.client.setACL(path, acl, done))()
  }

  /** Calls `seen` with the children at each change, as Go's client sees them. */
  async watchChildren(path: string, seen: (data: readonly string[]) => void): Promise<void> {
    const children = await promisify((done: (error: Error | null, children: string[]) => void) =>
      this.client.getChildren(path, () => void this.watchChildren(path, seen).catch(() => {}), done as Done),
    )()
    const stored = await Promise.all(children.map(child => this.get(`${path}/${child}`)))
    seen(stored.map(node => node?.data ?? '(vanished)'))
  }

  /** Ends the session that holds this node. */
  async endSession(path: string): Promise<void> {
    const { owner } = (await this.get(path)) as Stored
    const id = Buffer.from(owner, 'hex').readBigInt64BE()
    const session = await attachToZooKeeperSession(this.#address, id, passwordOf(id))
    await session.close()
  }

  /** Resolves to the numbers of all sessions, without our own. */
  async sessions(): Promise<readonly string[]> {
    const ours = BigInt(`0x${this.client.getSessionId().toString('hex')}`)
    // The rest are connections, which ZooKeeper remembers for a while after they closed.
    const [dump = ''] = (await fourLetters(this.#address, 'dump')).split('Connections dump')
    const numbers = dump.match(/0x[\da-f]{6,}/g) ?? []
    return [...new Set(numbers)].filter(number => BigInt(number) !== ours)
  }

  /** Resolves to the number of connections with a session, without our own. */
  async connections(): Promise<number> {
    return (await this.#others()).length
  }

  /** Resolves to the number of requests of these connections, including pings. */
  async requests(): Promise<number> {
    return (await this.#others()).reduce((sum, received) => sum + received, 0)
  }

  /** Resolves to the number of watches of all connections. */
  async watches(): Promise<number> {
    return Number(/zk_watch_count\t(\d+)/.exec(await fourLetters(this.#address, 'mntr'))?.[1])
  }

  /** Resolves to the number of requests of each connection, without our own. */
  async #others(): Promise<readonly number[]> {
    const ours = BigInt(`0x${this.client.getSessionId().toString('hex')}`)
    const all = (await fourLetters(this.#address, 'cons')).matchAll(/recved=(\d+).*?sid=(0x[\da-f]+)/g)
    return [...all]
      .filter(([, , id]) => BigInt(id as string) !== ours)
      .map(([, received]) => Number(received))
  }

  async close(): Promise<void> {
    if (this.client.getState() === State.SYNC_CONNECTED) {
      const closed = new Promise<void>(resolve => this.client.once('disconnected', () => resolve()))
      this.client.close()
      await closed
    } else {
      // If it closes while it connects, the library mistakes the greeting for a reply and throws an uncaught exception.
      this.client.once('connected', () => this.client.close())
      // Stops further attempts. A session that ZooKeeper does not hear from expires.
      managerOf(this.client).connect = () => {}
    }
  }
}

/** Resolves to the reply of a server to a four-letter word. */
export function fourLetters(address: string, word: string): Promise<string> {
  const { hostname, port } = new URL(`tcp://${address}`)
  const socket = createConnection(Number(port), hostname)
  socket.write(word)
  return text(socket)
}

/** Longer than a test takes a server away for. */
const OPEN_MS = 30_000

/** The private members of the library. */
interface Manager {
  pendingBuffer: Buffer | null
  connect: () => void
}

function managerOf(client: Client): Manager {
  return (client as Client & { readonly connectionManager: Manager }).connectionManager
}

type Done = (error: unknown, result?: unknown) => void

function isNoNode(error: unknown): boolean {
  return error instanceof Exception && error.code === Exception.NO_NODE
}

function written({ permission, id }: ACL & { readonly permission: number }): string {
  return `${id.scheme}:${id.id}:${permission}`
}

/** Returns the password of a session. ZooKeeper derives it from the session's number by `java.util.Random`. */
function passwordOf(id: bigint): Buffer {
  const multiplier = 0x5deece66dn
  const password = Buffer.alloc(16)
  let state = BigInt.asUintN(48, id ^ 0xb3415c00n ^ multiplier)
  for (let offset = 0; offset < 16; offset += 4) {
    state = BigInt.asUintN(48, state * multiplier + 0xbn)
    password.writeInt32LE(Number(BigInt.asIntN(32, state >> 16n)), offset)
  }
  return password
}
