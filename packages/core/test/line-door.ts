import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Duplex } from 'node:stream'
import type { CallFailure, Door, Metadata, Origin } from '@rpcx/core'
import { IncomingCall, RpcxError, ServerSession } from '@rpcx/core'

/** A protocol of lines, each way one for a call: `CALL <id> <token> <Service.Method> <timeoutMs> <JSON>`, `OK <id> <JSON>`, `ERR <id> <code> <text>`. */
export const lineDoor: Door = {
  matches(firstBytes) {
    const text = Buffer.from(firstBytes).toString('latin1')
    if (text.length < GREETING.length) return GREETING.startsWith(text) ? 'more' : 'no'
    return text.startsWith(GREETING) ? 'yes' : 'no'
  },
  open: (stream, origin) => new LineSession(stream, origin),
}

class LineSession extends ServerSession {
  readonly #stream: Duplex
  lastReadAt = this.clock.now()
  #error: Error | undefined

  constructor(stream: Duplex, origin: Origin) {
    super(origin)
    this.#stream = stream
    createInterface({ input: stream }).on('line', line => {
      this.lastReadAt = this.clock.now()
      if (!this.mayRead()) return
      const [, id = '', token = '', name = '', timeout = '', args = ''] =
        /^CALL (\d+) (\S+) (\S+) (\d+) (.*)$/.exec(line) ?? []
      if (id !== '') this.take(new LineCall(this, id, token, name, Number(timeout), args))
    })
    stream.on('error', error => (this.#error = error)).on('close', () => this.lost(this.#error))
    stream.on('drain', () => this.resumed()).on('end', () => stream.end())
  }

  readonly peerCertificate = undefined

  get isReading(): boolean {
    return !this.#stream.writableNeedDrain
  }

  push(): boolean {
    return false
  }

  close(reason?: Error): void {
    this.#error ??= reason
    this.#stream.destroy()
  }

  end(): void {
    this.#stream.end()
  }

  write(line: string): void {
    this.#stream.write(`${line}\n`)
  }

  protected unfinishedSince(): undefined {}
}

class LineCall extends IncomingCall {
  declare readonly source: LineSession
  readonly service: string
  readonly method: string
  readonly token: string
  readonly metadata: Metadata = {}
  readonly isOneway = false
  readonly isBroken = false
  readonly #id: string
  readonly #timeoutMs: number
  readonly #args: string

  constructor(source: LineSession, id: string, token: string, name: string, timeoutMs: number, args: string) {
    super(source, source.lastReadAt)
    const [service = '', method = ''] = name.split('.')
    this.service = service
    this.method = method
    this.token = token
    this.#id = id
    this.#timeoutMs = timeoutMs
    this.#args = args
  }

  get byteLength(): number {
    return this.#args.length
  }

  get argumentBytes(): number {
    return this.#args.length
  }

  metadataValue(): undefined {}

  args(): unknown {
    try {
      return JSON.parse(this.#args)
    } catch (cause) {
      throw new RpcxError('ERR_RPCX_ARGUMENT', 'the arguments are no JSON', { cause })
    }
  }

  hold(): number {
    return this.#args.length
  }

  release(): number {
    return this.#args.length
  }

  answer(reply: unknown): number {
    const text = JSON.stringify(reply) ?? 'null'
    this.source.write(`OK ${this.#id} ${text}`)
    return text.length
  }

  fail({ code, message }: CallFailure): void {
    this.source.write(`ERR ${this.#id} ${code} ${message}`)
  }

  protected expiry(): number | undefined {
    return this.#timeoutMs === 0 ? undefined : this.receivedAt + this.#timeoutMs
  }
}

/** A client of that protocol. */
export class LineClient {
  readonly #socket: Socket
  readonly #answers = new Map<string, (line: string) => void>()
  #calls = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    createInterface({ input: socket }).on('line', line => {
      const [how = '', id = '', ...rest] = line.split(' ')
      this.#answers.get(id)?.([how, ...rest].join(' '))
    })
  }

  /** @param address `tcp@127.0.0.1:8972` */
  static async connect(address: string, greeting: string = GREETING): Promise<LineClient> {
    const socket = connect(Number(address.split(':').at(-1)), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(greeting)
    return new LineClient(socket)
  }

  get socket(): Socket {
    return this.#socket
  }

  /** Resolves to the reply without its id: `OK <JSON>`, `ERR <code> <text>`. */
  call(name: string, args: unknown, { token = '-', timeoutMs = 0 }: LineCallOptions = {}): Promise<string> {
    const id = String(++this.#calls)
    const answer = new Promise<string>(resolve => this.#answers.set(id, resolve))
    this.#socket.write(`CALL ${id} ${token} ${name} ${timeoutMs} ${JSON.stringify(args)}\n`)
    return answer
  }
}

interface LineCallOptions {
  readonly token?: string
  readonly timeoutMs?: number
}

const GREETING = 'LINES/1\n'
