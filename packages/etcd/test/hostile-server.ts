import { once } from 'node:events'
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'

/** A request: the method, and the bytes of the message. */
export interface Call {
  readonly method: string
  readonly body: Buffer
  readonly stream: ServerHttp2Stream
}

/** Answers in place of etcd. Returns whether it did. */
export type Instead = (call: Call) => boolean

/** An etcd that is broken on purpose. It has one service, `Good`, with one server. A test chooses its other responses. */
export class HostileServer {
  readonly #server: Http2Server = createServer()
  readonly #open = new Set<ServerHttp2Session>()
  instead: Instead = () => false

  constructor() {
    this.#server.on('session', session => {
      this.#open.add(session)
      session.on('close', () => this.#open.delete(session)).on('error', () => {})
    })
    this.#server.on('stream', (stream, { ':path': method = '' }) => {
      let body = Buffer.alloc(0)
      let isAnswered = false
      const answer = (): void => {
        if (isAnswered || stream.destroyed) return
        isAnswered = true
        const call = { method, body: body.subarray(5), stream }
        if (!this.instead(call)) answerWell(call)
      }
      stream.on('error', () => {})
      stream.on('data', (chunk: Buffer) => {
        body = Buffer.concat([body, chunk])
        if (body.length >= 5 && body.length >= 5 + body.readUInt32BE(1)) answer()
      })
      stream.on('end', answer)
    })
  }

  async open(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    for (const session of this.#open) session.destroy()
    this.#server.close()
  }
}

/** Whether it is a transaction with a condition. */
export function isWrite({ method, body }: Call): boolean {
  return method.endsWith('/Txn') && body[0] === 0x0a
}

function answerWell({ method, body, stream }: Call): void {
  if (method.endsWith('/Txn')) {
    const kv = field(2, field(1, 'x/Good/tcp@10.0.0.1:1'), number(3, 3), field(5, 'n=1'))
    const first = field(3, field(1, ...(body.includes('Good') ? [kv] : [])))
    // A list asks for two ranges, a registration for three: the entry and its directories.
    const others = Array(body.includes('tcp@') ? 2 : 1).fill(field(3, field(1)))
    say(stream, header(), number(2, 1), first, ...others)
  } else if (method.endsWith('/LeaseGrant')) say(stream, header(), number(2, 77), number(3, 5))
  else if (method.endsWith('/LeaseKeepAlive')) write(stream, header(), number(2, 77), number(3, 5))
  else if (method.endsWith('/Watch')) write(stream, header(), number(3, 1))
  else say(stream, header(), field(2, 'token'))
}

/** Sends one message, and ends the stream. */
export function say(stream: ServerHttp2Stream, ...parts: readonly Buffer[]): void {
  write(stream, ...parts)
  stream.end()
}

/** One message. */
export function write(stream: ServerHttp2Stream, ...parts: readonly Buffer[]): void {
  raw(stream, framed(Buffer.concat(parts)))
}

/** Sends these bytes in place of a message. */
export function raw(stream: ServerHttp2Stream, bytes: Buffer): void {
  if (!stream.headersSent) {
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  }
  stream.write(bytes)
}

/** Sends a failure in gRPC's format. */
export function fail(stream: ServerHttp2Stream, code: number, message: string): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(code),
      'grpc-message': message,
    },
    { endStream: true },
  )
}

export function framed(body: Buffer, length: number = body.length): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, body])
}

/** Encodes a protobuf field with a string, bytes or a message. */
export function field(id: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : part)))
  return Buffer.concat([varint(id * 8 + 2), varint(body.length), body])
}

/** Encodes a protobuf field with a number. */
export function number(id: number, value: number): Buffer {
  return Buffer.concat([varint(id * 8), varint(value)])
}

export function header(): Buffer {
  return field(1, number(3, 5))
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left % 128) + 128)
  }
}
