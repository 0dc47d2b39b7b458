import { createConnection, type Socket } from 'node:net'
import { within } from './deadline.ts'
import { JuteReader, type JuteWriter } from './jute.ts'

/** A connection to ZooKeeper, which replies in the order of requests. Each request has a deadline. */
export class Connection {
  /** Resolves, never rejects, when the connection has ended. */
  readonly ended: Promise<void>
  readonly #socket: Socket
  readonly #deadlineMs: number
  #pending: Buffer = Buffer.alloc(0)
  readonly #waiting: ((frame: Buffer) => void)[] = []

  constructor(address: string, deadlineMs: number) {
    const { hostname, port } = new URL(`tcp://${address}`)
    this.#deadlineMs = deadlineMs
    this.#socket = createConnection(Number(port), hostname)
    this.#socket.on('error', () => {})
    this.#socket.on('data', chunk => this.#receive(chunk))
    this.ended = new Promise(resolve => {
      this.#socket.once('close', () => resolve())
    })
  }

  /** Resolves to the contents of the reply. Ends the connection when no reply comes before the deadline. */
  async exchange(what: string, question: JuteWriter): Promise<JuteReader> {
    const answer = new Promise<Buffer>((resolve, reject) => {
      this.#waiting.push(resolve)
      void this.ended.then(() =>
        reject(new Error(`ZooKeeper ended the connection before it answered ${what}`)),
      )
    })
    this.#socket.write(question.frame())
    try {
      return new JuteReader(await within(this.#deadlineMs, `ZooKeeper's answer to ${what}`, answer))
    } catch (error) {
      this.end()
      throw error
    }
  }

  end(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk])
    while (this.#pending.length >= 4) {
      const end = 4 + this.#pending.readInt32BE()
      if (this.#pending.length < end) return
      this.#waiting.shift()?.(this.#pending.subarray(4, end))
      this.#pending = this.#pending.subarray(end)
    }
  }
}
