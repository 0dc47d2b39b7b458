import { type JuteReader, JuteWriter } from './jute.ts'
import { Connection } from './zookeeper-connection.ts'

export interface SessionOptions {
  /** The requested session timeout, in milliseconds. The server limits it to 2 to 20 ticks. @default 4 000 */
  timeoutMs?: number
  /** The deadline of each call and of the handshake, in milliseconds. @default 5 000 */
  deadlineMs?: number
}

export interface NodeOptions {
  /** Whether the node ends with the session. @default false */
  ephemeral?: boolean
}

/**
 * A ZooKeeper session on one connection, with just enough calls to look at a server from outside. It sends no
 * heartbeats: the server expires it `timeoutMs` after the last call. Calls reject with the server's error as `code`.
 * Its disposal closes it when the connection still allows it.
 */
export interface ZooKeeperSession extends AsyncDisposable {
  readonly id: bigint
  /** The password that another connection needs, beside the id, to attach to the session. */
  readonly password: Buffer
  /** The session timeout that the server granted. */
  readonly timeoutMs: number
  /** Resolves, never rejects, when the connection has ended for whatever reason. */
  readonly disconnected: Promise<void>
  /** Creates a node that everyone may read and change. */
  create(path: string, data?: Uint8Array, options?: NodeOptions): Promise<void>
  exists(path: string): Promise<boolean>
  /** Resolves to the node's data. */
  read(path: string): Promise<Buffer>
  /** Ends the session, and its ephemeral nodes, then the connection. */
  close(): Promise<void>
  /** Ends only the connection: the session goes on until it expires. */
  abandon(): void
}

/** Opens a new session. Rejects when the server does not answer within the deadline. */
export function openZooKeeperSession(
  address: string,
  options: SessionOptions = {},
): Promise<ZooKeeperSession> {
  return connect(address, 0n, new Uint8Array(16), options)
}

/**
 * Attaches to a session of another client, so that `close` ends it. The id may be the eight bytes that
 * clients give. The server ends the owner's connection at that, even when the password is wrong, so close at once,
 * before the owner returns. Rejects when the session does not exist or the password is not its own.
 */
export function attachToZooKeeperSession(
  address: string,
  id: bigint | Uint8Array,
  password: Uint8Array,
  options: SessionOptions = {},
): Promise<ZooKeeperSession> {
  const number = typeof id === 'bigint' ? id : Buffer.from(id).readBigInt64BE()
  return connect(address, number, password, options)
}

async function connect(
  address: string,
  id: bigint,
  password: Uint8Array,
  options: SessionOptions,
): Promise<ZooKeeperSession> {
  const { timeoutMs = 4_000, deadlineMs = 5_000 } = options
  const connection = new Connection(address, deadlineMs)
  try {
    const protocolVersion = 0
    const lastSeen = 0n
    const hello = new JuteWriter()
      .int(protocolVersion)
      .long(lastSeen)
      .int(timeoutMs)
      .long(id)
      .buffer(password)
    const welcome = await connection.exchange('a session', hello.bool(false))
    welcome.int()
    const session = new RawSession(connection, welcome.int(), welcome.long(), Buffer.from(welcome.buffer()))
    if (session.timeoutMs <= 0)
      throw new Error(`ZooKeeper at ${address} knows no such session with that password`)
    return session
  } catch (error) {
    connection.end()
    throw error
  }
}

const operations = { create: 1, exists: 3, getData: 4, closeSession: -11 } as const
const noNode = -101

class RawSession implements ZooKeeperSession {
  readonly id: bigint
  readonly password: Buffer
  readonly timeoutMs: number
  readonly disconnected: Promise<void>
  readonly #connection: Connection
  #lastCall = 0

  constructor(connection: Connection, timeoutMs: number, id: bigint, password: Buffer) {
    this.#connection = connection
    this.id = id
    this.password = password
    this.timeoutMs = timeoutMs
    this.disconnected = connection.ended
  }

  async create(path: string, data: Uint8Array = new Uint8Array(), options: NodeOptions = {}): Promise<void> {
    const everything = 31
    await this.#call('create', request =>
      request
        .string(path)
        .buffer(data)
        .int(1)
        .int(everything)
        .string('world')
        .string('anyone')
        .int(options.ephemeral ? 1 : 0),
    )
  }

  async exists(path: string): Promise<boolean> {
    try {
      await this.#call('exists', request => request.string(path).bool(false))
      return true
    } catch (error) {
      if ((error as { code?: number }).code === noNode) return false
      throw error
    }
  }

  async read(path: string): Promise<Buffer> {
    const reply = await this.#call('getData', request => request.string(path).bool(false))
    return reply.buffer()
  }

  async close(): Promise<void> {
    await this.#call('closeSession', request => request)
    this.#connection.end()
  }

  abandon(): void {
    this.#connection.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => this.abandon())
  }

  async #call(name: keyof typeof operations, fill: (request: JuteWriter) => JuteWriter): Promise<JuteReader> {
    const request = fill(new JuteWriter().int(++this.#lastCall).int(operations[name]))
    const reply = await this.#connection.exchange(name, request)
    reply.int()
    reply.long()
    const code = reply.int()
    if (code !== 0) throw Object.assign(new Error(`ZooKeeper answered ${name} with error ${code}`), { code })
    return reply
  }
}
