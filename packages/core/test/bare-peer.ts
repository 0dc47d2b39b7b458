import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { FrameDecoder } from '../src/wire/frame-decoder.ts'
import type { Message } from '../src/wire/message.ts'
import type { BareFrame } from './bare-frame.ts'
import { replyTo } from './bare-frame.ts'

/** One end of a connection, which the test controls. */
export class BarePeer {
  readonly socket: Socket
  /** The messages that the other end sent. */
  readonly messages: Message[] = []
  readonly #chunks: Buffer[] = []
  readonly #waiting = new Set<() => void>()
  #closed = false

  static async connect(port: number): Promise<BarePeer> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new BarePeer(socket)
  }

  constructor(socket: Socket, onMessage?: (message: Message, peer: BarePeer) => void) {
    this.socket = socket
    const decoder = new FrameDecoder(
      message => {
        this.messages.push(message)
        onMessage?.(message, this)
      },
      { maxFrameBytes: 2 ** 30 },
    )
    socket.on('data', chunk => {
      this.#chunks.push(chunk)
      try {
        decoder.push(chunk)
      } catch {
        // A client of another test may still call a server that had this port before.
        socket.destroy()
      }
      this.#wake()
    })
    // The other end resets the connection in some tests.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#closed = true
      this.#wake()
    })
  }

  /** All bytes that the other end sent. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Resolves to the message with this number, counted from 0, when it has come. */
  async message(index: number): Promise<Message> {
    while (this.messages[index] === undefined) {
      if (this.#closed) throw new Error(`closed after ${this.messages.length} messages`)
      await this.#change()
    }
    return this.messages[index]
  }

  async closed(): Promise<void> {
    while (!this.#closed) await this.#change()
  }

  send(bytes: Uint8Array | string): void {
    this.socket.write(bytes)
  }

  reply(request: Message, fields: BareFrame): void {
    this.send(replyTo(request, fields))
  }

  close(): void {
    this.socket.destroy()
  }

  #change(): Promise<void> {
    return new Promise(resolve => this.#waiting.add(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

export interface BareServerOptions {
  /** For each frame that comes. */
  readonly onMessage?: (message: Message, peer: BarePeer) => void
  /** For each connection. */
  readonly onConnection?: (socket: Socket) => void
  /** @default a free one */
  readonly port?: number
  /** Whether to keep our half of the connection open when the client ends its own. */
  readonly allowHalfOpen?: boolean
}

/** A server that the test controls. */
export class BareServer {
  readonly peers: BarePeer[] = []
  /** When each connection came, by `performance.now()`. */
  readonly acceptedAt: number[] = []
  readonly #server: Server

  static async listen(options: BareServerOptions = {}): Promise<BareServer> {
    const server = new BareServer(options)
    server.#server.listen(options.port ?? 0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  private constructor({ onMessage, onConnection, allowHalfOpen = false }: BareServerOptions) {
    this.#server = createServer({ noDelay: true, allowHalfOpen }, socket => {
      this.acceptedAt.push(performance.now())
      this.peers.push(new BarePeer(socket, onMessage))
      onConnection?.(socket)
    })
  }

  get address(): string {
    return `tcp@127.0.0.1:${this.port}`
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Resolves to the connection with this number, counted from 0, when it has come. */
  async peer(index: number): Promise<BarePeer> {
    while (this.peers[index] === undefined) await once(this.#server, 'connection')
    return this.peers[index]
  }

  async close(): Promise<void> {
    for (const peer of this.peers) peer.close()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }
}
