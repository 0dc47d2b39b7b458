import { createConnection } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { attachToZooKeeperSession } from '@rpcx/servers'
import type { Client, Stat } from 'node-zookeeper-client'
import { CreateMode, createClient, Exception } from 'node-zookeeper-client'

/** What ZooKeeper holds under one path. */
export interface Stored {
  readonly data: string
  readonly version: number
  /** Which transaction made it: the same for a node's whole life. */
  readonly made: string
  /** Sixteen zeros without one. */
  readonly owner: string
}

/** Someone else with a hand in ZooKeeper. */
export class Hand {
  readonly #address: string
  readonly #client: Client

  private constructor(address: string, client: Client) {
    this.#address = address
    this.#client = client
  }

  static async open(address: string): Promise<Hand> {
    const client = createClient(address, { sessionTimeout: 4_000 })
    const connected = new Promise(resolve => client.once('connected', () => resolve(undefined)))
    client.connect()
    await connected
    return new Hand(address, client)
  }

  get(path: string): Promise<Stored | undefined> {
    return new Promise((resolve, reject) => {
      this.#client.getData(path, (error, data, stat: Stat) => {
        if (error instanceof Exception && error.code === Exception.NO_NODE) resolve(undefined)
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

  /** Changes the node, or makes a persistent one with all that it needs above it. */
  async put(path: string, data: string): Promise<void> {
    const parent = path.slice(0, path.lastIndexOf('/'))
    if (parent !== '') await promisify((done: Done) => this.#client.mkdirp(parent, done))()
    if ((await this.get(path)) !== undefined) return this.edit(path, data)
    await promisify((done: Done) =>
      this.#client.create(path, Buffer.from(data), CreateMode.PERSISTENT, done),
    )()
  }

  async edit(path: string, data: string): Promise<void> {
    await promisify((done: Done) => this.#client.setData(path, Buffer.from(data), done))()
  }

  async remove(path: string): Promise<void> {
    await promisify((done: Done) => this.#client.remove(path, done))().catch(error => {
      if (!(error instanceof Exception && error.code === Exception.NO_NODE)) throw error
    })
  }

  children(path: string): Promise<readonly string[]> {
    return promisify((done: (error: Error | null, children: string[]) => void) =>
      this.#client.getChildren(path, done as Done),
    )()
  }

  /** Calls `seen` with what each watch of the children showed, as Go's clients see them, from now on. */
  async watchChildren(path: string, seen: (data: readonly string[]) => void): Promise<void> {
    const children = await promisify((done: (error: Error | null, children: string[]) => void) =>
      this.#client.getChildren(path, () => void this.watchChildren(path, seen).catch(() => {}), done as Done),
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

  /** The sessions that there are, without our own, by their numbers. */
  async sessions(): Promise<readonly string[]> {
    const ours = BigInt(`0x${this.#client.getSessionId().toString('hex')}`)
    const dump = await fourLetterWord(this.#address, 'dump')
    const numbers = dump.match(/0x[\da-f]{6,}/g) ?? []
    return [...new Set(numbers)].filter(number => BigInt(number) !== ours)
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#client.once('disconnected', () => resolve())
      this.#client.close()
    })
  }
}

type Done = (error: unknown, result?: unknown) => void

/** ZooKeeper makes the password of a session from its number, by `java.util.Random`. */
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

async function fourLetterWord(address: string, word: string): Promise<string> {
  const { hostname, port } = new URL(`tcp://${address}`)
  const socket = createConnection(Number(port), hostname)
  socket.write(word)
  return text(socket)
}
