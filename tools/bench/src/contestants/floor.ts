import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { msgpack } from '../../../../packages/core/src/codec/msgpack.ts'
import type { Task } from '../task.ts'
import { order } from '../task.ts'
import { BareFrames, field } from './bare-frames.ts'
import type { Contestant, Load } from './contestant.ts'
import { pace } from './contestant.ts'

/**
 * Does the least that any client and server must do. It sends the same frames as rpcx, with the deadline, encodes each one, and encodes
 * and decodes values on both sides. It has no calls, promises or clock, and looks up no methods.
 */
export const floor: Contestant = {
  async serve({ exchange, tls }) {
    const serve = (socket: Socket): void => {
      const frames = new BareFrames(socket, 0x80, Buffer.alloc(0), (chunk, { seq, start, end }) => {
        if (exchange === 'bytes') {
          frames.write(seq, chunk, start, end)
          return
        }
        const args = msgpack.decode(chunk.subarray(start, end))
        const bytes = encode(exchange === 'arith' ? multiply(args as Args) : args)
        frames.write(seq, bytes, 0, bytes.length)
      })
    }
    const server = tls ? createTlsServer(tls, serve) : createServer({ noDelay: true }, serve)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  },

  async connect(address, { exchange, bytes = 581, tls }) {
    const [host, port] = address.split(':')
    const place = { host, port: Number(port), noDelay: true }
    const socket = tls ? connectTls({ ...place, ca: tls.ca }) : connect(place)
    await new Promise<unknown>(resolve => socket.once(tls ? 'secureConnect' : 'connect', resolve))
    return new FloorLoad(socket, exchange, bytes)
  },
}

interface Args {
  readonly A: number
  readonly B: number
}

function multiply({ A, B }: Args): { C: number } {
  return { C: A * B }
}

// It is a buffer, although its type does not say so.
const encode = (value: unknown): Buffer => msgpack.encode(value) as Buffer

class FloorLoad implements Load {
  readonly #frames: BareFrames
  readonly #write: () => void
  #seq = 0
  #replied: () => void = () => {}

  constructor(socket: Socket, exchange: Task['exchange'], bytes: number) {
    const deadline = Buffer.concat([field('__ServerTimeout'), field('10000')])
    this.#frames = new BareFrames(socket, 0, deadline, (chunk, { start, end }) => {
      if (exchange !== 'bytes') msgpack.decode(chunk.subarray(start, end))
      else if (end - start !== bytes) throw new Error(`a reply of ${end - start} bytes`)
      this.#replied()
    })
    const payload = Buffer.alloc(bytes, 7)
    this.#write = () => {
      const seq = this.#seq++
      const sent =
        exchange === 'bytes' ? payload : encode(exchange === 'arith' ? { A: seq & 1023, B: 20 } : order)
      this.#frames.write(seq, sent, 0, sent.length)
    }
  }

  async closed(concurrency: number, ms: number): Promise<number> {
    let calls = 0
    let running = true
    let inFlight = 0
    setTimeout(() => (running = false), ms)
    const startedAt = performance.now()
    await new Promise<void>(resolve => {
      const send = (): void => {
        this.#write()
        inFlight++
      }
      this.#replied = () => {
        calls++
        inFlight--
        if (running) send()
        else if (inFlight === 0) resolve()
      }
      for (let i = 0; i < concurrency; i++) send()
      this.#frames.flush()
    })
    return (calls * 1_000) / (performance.now() - startedAt)
  }

  async open(perSecond: number, ms: number): Promise<Float64Array> {
    const dueAt = new Float64Array(Math.ceil((perSecond * ms) / 1_000))
    const times = new Float64Array(dueAt.length)
    let sent = 0
    let replies = 0
    await new Promise<void>(resolve => {
      // Replies come in the order of the calls.
      this.#replied = () => {
        times[replies] = performance.now() - (dueAt[replies] as number)
        if (++replies === times.length) resolve()
      }
      pace(perSecond, dueAt.length, due => {
        dueAt[sent++] = due
        this.#write()
        process.nextTick(() => this.#frames.flush())
      })
    })
    return times
  }
}
