import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

/** A question: a name, and the number of a record type. */
export interface Question {
  readonly name: string
  readonly type: number
}

export const A = 1
export const SRV = 33

/** A name server that is broken on purpose. The test chooses the records or bytes of its responses. */
export class NameServer {
  readonly #socket = createSocket('udp4')
  readonly asked: Question[] = []
  /** Returns the records of a response, the bytes of a whole response, or nothing for no response. */
  answer: (question: Question) => readonly Buffer[] | Buffer = () => []

  constructor() {
    this.#socket.on('message', (message, { port, address }) => {
      const end = message.indexOf(0, 12)
      const question = { name: nameIn(message), type: message.readUInt16BE(end + 1) }
      this.asked.push(question)
      const records = this.answer(question)
      if (Buffer.isBuffer(records))
        return this.#socket.send(Buffer.concat([message.subarray(0, 2), records]), port, address)
      const head = Buffer.from(message.subarray(0, end + 5))
      head.writeUInt16BE(0x8180, 2)
      head.writeUInt16BE(1, 4)
      head.writeUInt16BE(records.length, 6)
      head.writeUInt32BE(0, 8)
      return this.#socket.send(Buffer.concat([head, ...records]), port, address)
    })
  }

  async open(): Promise<this> {
    this.#socket.bind(0, '127.0.0.1')
    await once(this.#socket, 'listening')
    return this
  }

  get address(): string {
    return `127.0.0.1:${(this.#socket.address() as AddressInfo).port}`
  }

  close(): void {
    this.#socket.close()
  }
}

/** The data of an SRV record, with the target as labels. */
export function service(port: number, ...labels: readonly (string | Buffer)[]): Buffer {
  const data = Buffer.concat([int16(1), int16(1), int16(port), ...labels.map(label), Buffer.alloc(1)])
  return record(SRV, data)
}

export function ipv4(...bytes: readonly number[]): Buffer {
  return record(A, Buffer.from(bytes))
}

function record(type: number, data: Buffer): Buffer {
  // For the name in the question, with a TTL of a minute.
  return Buffer.concat([int16(0xc00c), int16(type), int16(1), int16(0), int16(60), int16(data.length), data])
}

function label(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

function int16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

function nameIn(message: Buffer): string {
  const labels: string[] = []
  for (let at = 12; message[at] !== 0; at += (message[at] as number) + 1)
    labels.push(message.toString('latin1', at + 1, at + 1 + (message[at] as number)))
  return labels.join('.')
}
