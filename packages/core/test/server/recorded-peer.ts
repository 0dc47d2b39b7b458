import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { FrameDecoder } from '../../src/wire/frame-decoder.ts'
import type { Seq } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'

/** A client with a bare socket, which sends given bytes and keeps the received frames. */
export class RecordedPeer {
  readonly replies: Message[] = []
  readonly #socket: Socket
  readonly #waiting = new Set<() => void>()
  #closed = false

  static async connect(port: number): Promise<RecordedPeer> {
    // Half open, so that the end of our bytes does not end the server's bytes.
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    await once(socket, 'connect')
    return new RecordedPeer(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    const decoder = new FrameDecoder(message => this.replies.push(message), { maxFrameBytes: 2 ** 32 })
    socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk)
      this.#wake()
    })
    const end = (): void => {
      this.#closed = true
      this.#wake()
    }
    // A server that closes while it has bytes to read resets the connection.
    socket.on('error', end).on('end', end).on('close', end)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** Ends this side of the connection. */
  finish(): void {
    this.#socket.end()
  }

  /** Resolves when this many replies came, or when no more can come. */
  async received(count: number): Promise<void> {
    await this.#until(() => this.replies.length >= count)
  }

  /** Resolves when the server closed the connection. */
  async closed(): Promise<void> {
    await this.#until(() => false)
  }

  /** The reply to `bytes`, which have that number; `undefined` when the connection was closed instead. */
  async answer(bytes: Buffer, seq: Seq): Promise<Message | undefined> {
    const find = (): Message | undefined => this.replies.find(reply => reply.seq === seq)
    this.send(bytes)
    await this.#until(() => find() !== undefined)
    return find()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!this.#closed && !holds()) await new Promise<void>(resolve => this.#waiting.add(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
