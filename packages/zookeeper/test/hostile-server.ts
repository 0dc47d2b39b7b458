import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'

/** A request: the number that its reply must have, the operation, and the path. */
export interface Request {
  readonly xid: number
  readonly type: number
  readonly path: string
}

/** Bytes to send instead of a reply. */
export type Instead = (request: Request) => Buffer | Endless | undefined

/** An endless frame, whose bytes come one by one or not at all. */
export type Endless = 'drip' | 'stop'

/** A ZooKeeper that is broken on purpose. It has one service, `Good`, with one server. A test chooses its other replies. */
export class HostileServer {
  readonly #server: Server
  readonly #open = new Set<Socket>()
  /** The number of accepted connections. */
  connections = 0
  greeting: Buffer = frame(greeting())
  instead: Instead = () => undefined

  constructor() {
    this.#server = createServer(socket => {
      this.#open.add(socket)
      this.connections++
      socket.on('close', () => this.#open.delete(socket)).on('error', () => {})
      let pending = Buffer.alloc(0)
      let isGreeted = false
      let isEndless = false
      const never = (how: Endless): void => {
        isEndless = true
        socket.write(int(1_000_000))
        if (how === 'stop') return
        const dripping = setInterval(() => socket.write('x'), 20)
        socket.on('close', () => clearInterval(dripping))
      }
      socket.on('data', chunk => {
        pending = Buffer.concat([pending, chunk])
        while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
          const end = 4 + pending.readInt32BE(0)
          const bytes = pending.subarray(4, end)
          pending = pending.subarray(end)
          if (isEndless) continue
          if (isGreeted) this.#answer(socket, bytes, never)
          else socket.write(this.greeting)
          isGreeted = true
        }
      })
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
    for (const socket of this.#open) socket.destroy()
    this.#server.close()
  }

  #answer(socket: Socket, bytes: Buffer, never: (how: Endless) => void): void {
    const [xid, type] = [bytes.readInt32BE(0), bytes.readInt32BE(4)]
    const hasPath = bytes.length > 12 && type !== AUTH && type !== MULTI
    const path = hasPath ? bytes.toString('utf8', 12, 12 + bytes.readInt32BE(8)) : ''
    const instead = this.instead({ xid, type, path })
    if (instead === 'drip' || instead === 'stop') {
      never(instead)
      return
    }
    if (instead !== undefined) {
      socket.write(instead)
      return
    }
    if (type === CLOSE) socket.end(frame(reply(xid)))
    else if (type === CHILDREN && path === '/x/Good')
      socket.write(frame(reply(xid), int(1), text('tcp@10.0.0.1:1'), stat()))
    else if (type === DATA && path === '/x/Good/tcp@10.0.0.1:1')
      socket.write(frame(reply(xid), text('n=1'), stat()))
    else if (type === EXISTS && path === '/') socket.write(frame(reply(xid), stat()))
    else if (type === MULTI) socket.write(frame(reply(xid), int(-1), Buffer.from([1]), int(-1)))
    else if (type < AUTH && type !== PING) socket.write(frame(reply(xid, NO_NODE)))
    else socket.write(frame(reply(xid)))
  }
}

/** Opens a server, and closes it at the end of the scope. */
export async function opened(server: HostileServer): Promise<HostileServer & AsyncDisposable> {
  await server.open()
  return Object.assign(server, { [Symbol.asyncDispose]: async () => server.close() })
}

/** Returns the reply to a transaction whose only operation failed. */
export function failedTransaction(xid: number, error: number): Buffer {
  const head = Buffer.concat([int(-1), Buffer.from([0]), int(error)])
  return frame(reply(xid), head, int(error), int(-1), Buffer.from([1]), int(-1))
}

/** Returns a frame with its true length, or with another one. */
export function frame(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([int(body.length), body])
}

export function greeting(timeoutMs = 10_000, password: Buffer = text('p'.repeat(16))): Buffer {
  return Buffer.concat([int(0), int(timeoutMs), Buffer.alloc(8, 1), password])
}

export function reply(xid: number, error = 0): Buffer {
  return Buffer.concat([int(xid), Buffer.alloc(8), int(error)])
}

export function int(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export function text(value: string): Buffer {
  return Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)])
}

export function stat(): Buffer {
  return Buffer.alloc(68)
}

export const EXISTS = 3
export const DATA = 4
export const CHILDREN = 12
const PING = 11
export const MULTI = 14
const AUTH = 100
const CLOSE = -11
const NO_NODE = -101
