import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Log } from '@rpcx/testing'
import type { FullPacket, MulticastDNS, ResponseOutgoingPacket } from 'multicast-dns'
import createMulticastDns from 'multicast-dns'

export type Answer = ResponseOutgoingPacket['answers'][number]

export interface ReceivedPacket extends FullPacket {
  readonly from: { readonly address: string; readonly port: number }
}

/** Another host on the loopback interface. Sends what a test says, and receives all packets there. */
export class Neighbour {
  readonly received: Log<ReceivedPacket> = new Log<ReceivedPacket>()
  readonly port: number
  readonly #socket: Socket
  readonly #library: MulticastDNS

  private constructor(socket: Socket, port: number) {
    this.port = port
    this.#socket = socket
    this.#library = createMulticastDns({ socket, bind: false, multicast: false, port })
    this.#library.on('packet', (packet: FullPacket, from: ReceivedPacket['from']) => {
      this.received.add({ ...packet, from })
    })
  }

  static async join(port: number): Promise<Neighbour> {
    const socket = await bound({ port })
    socket.addMembership(GROUP, LOOPBACK)
    return new Neighbour(socket, port)
  }

  /**
   * Opens a neighbour that receives only unicast packets.
   * @param from its own port. With a port other than `port`, it is a legacy client.
   */
  static async alone(port: number, from: number): Promise<Neighbour> {
    return new Neighbour(await bound({ port: from, address: LOOPBACK }), port)
  }

  /** Returns all packets from `mark` on that contain a matching answer. */
  answers(isSo: (answer: Answer) => boolean, mark = 0): readonly ReceivedPacket[] {
    return this.received
      .since(mark)
      .filter(packet => packet.type === 'response' && packet.answers?.some(isSo))
  }

  ask(name: string, type: string, more: object = {}): void {
    this.#library.query({ questions: [{ name, type }] as never, ...more }, this.#group)
  }

  say(answers: readonly Answer[], additionals: readonly Answer[] = []): void {
    this.#library.respond({ answers: [...answers], additionals: [...additionals] }, this.#group)
  }

  /** Sends bytes unchanged. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(bytes, this.port, GROUP, error => (error ? reject(error) : resolve()))
    })
  }

  async close(): Promise<void> {
    await new Promise<void>(resolve => this.#library.destroy(resolve))
  }

  get #group(): { port: number; address: string } {
    return { port: this.port, address: GROUP }
  }
}

/** Returns the TXT record of an instance in the format of Go's rpcx. */
export function goText(instance: string, service: string, address: string, meta: string, ttl = 120): Answer {
  const json = JSON.stringify([{ service, meta, service_address: address }])
  const data = [Buffer.from(encodeURIComponent(json))]
  return { type: 'TXT', name: `${instance}._rpcxservices.local`, class: 'IN', flush: true, ttl, data }
}

const GROUP = '224.0.0.251'
const LOOPBACK = '127.0.0.1'

async function bound(to: { port: number; address?: string }): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(to)
  await once(socket, 'listening')
  socket.setMulticastInterface(LOOPBACK)
  socket.setMulticastTTL(255)
  return socket
}
