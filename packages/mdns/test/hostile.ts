import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Random } from '@rpcx/testing'
import { expect } from 'vitest'
import { Harness } from './harness.ts'
import { goText } from './neighbour.ts'
import { recordedPackets } from './recorded.ts'

/** Sends this many mutated packets to a server and a client, and asserts that both still work as before. */
export async function withstand(count: number): Promise<void> {
  const random = new Random()
  await using harness = new Harness()
  const line = harness.open(await Line.open(harness.port))
  const { address } = await harness.member('Sturdy', { metadata: 'n=1' })
  const view = harness.view('Sturdy')
  await view.shows({ [address]: 'n=1' })
  const packets = [...recordedPackets, ...line.received]
  const before = process.memoryUsage().rss
  const since = performance.now()
  while (line.arrived < count) {
    await line.send(Array.from({ length: BATCH }, () => mutated(random.pick(packets), random)))
  }
  const grownMiB = (process.memoryUsage().rss - before) / 2 ** 20
  console.info(
    `${line.arrived} mutated packets (RPCX_SEED=${random.seed}) in ${((performance.now() - since) / 1_000).toFixed(1)} s: memory grew by ${grownMiB.toFixed(0)} MiB`,
  )
  expect(grownMiB).toBeLessThan(200)
  const neighbour = await harness.neighbour()
  neighbour.say([goText('after', 'Sturdy', 'tcp@10.0.0.1:1', 'is=after')])
  await view.until(list => list['tcp@10.0.0.1:1'] === 'is=after' && list[address] === 'n=1')
  await harness.view('Sturdy').until(list => list[address] === 'n=1')
}

const BATCH = 20

/** A socket on the loopback network that sends packets, and counts those that arrive. */
class Line {
  /** The first packet from others. */
  readonly received: Buffer[] = []
  arrived = 0
  readonly #port: number
  readonly #socket: Socket

  private constructor(port: number, socket: Socket) {
    this.#port = port
    this.#socket = socket
    socket.on('message', bytes => {
      if (this.received.length < 20) this.received.push(bytes)
    })
  }

  static async open(port: number): Promise<Line> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true, recvBufferSize: 2 ** 20 })
    socket.bind(port)
    await once(socket, 'listening')
    socket.addMembership('224.0.0.251', '127.0.0.1')
    socket.setMulticastInterface('127.0.0.1')
    return new Line(port, socket)
  }

  /** Resolves when they have arrived, or are lost. */
  async send(packets: readonly Buffer[]): Promise<void> {
    let missing = packets.length
    const marks = new Set(packets.map(packet => packet.toString('latin1')))
    await new Promise<void>(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        this.#socket.off('message', count)
        resolve()
      }
      const count = (bytes: Buffer): void => {
        // Others send responses meanwhile.
        if (!marks.has(bytes.toString('latin1'))) return
        this.arrived++
        if (--missing === 0) done()
      }
      // Reads the packets that have arrived before it gives up.
      const timer = setTimeout(() => setImmediate(done), 50)
      this.#socket.on('message', count)
      for (const packet of packets) this.#socket.send(packet, this.#port, '224.0.0.251')
    })
  }

  async close(): Promise<void> {
    this.#socket.close()
  }
}

/** Makes one to four changes: a bit, a byte, a cut, a longer end, or a moved part. */
function mutated(packet: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(packet)
  for (let n = 1 + random.below(4); n > 0; n--) {
    const at = random.below(bytes.length)
    switch (random.below(6)) {
      case 0:
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
        break
      case 1:
        bytes[at] = random.below(256)
        break
      case 2:
        bytes = Buffer.from(bytes.subarray(0, Math.max(1, at)))
        break
      case 3:
        bytes = Buffer.concat([bytes, bytes.subarray(at)])
        break
      case 4:
        // The counts, and the flag for a query or a response.
        bytes[2 + random.below(10)] = random.below(4) * 0x40 + random.below(3)
        break
      default:
        bytes.copy(bytes, random.below(bytes.length), at)
    }
  }
  return bytes.subarray(0, 1_400)
}
