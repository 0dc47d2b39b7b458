import type { Socket } from 'node:dgram'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Clock } from '@rpcx/core'
import type { FullPacket, MulticastDNS } from 'multicast-dns'
import createMulticastDns from 'multicast-dns'
import { fromLibrary, toLibrary } from './library.ts'
import type { NetworkInterface } from './network-interface.ts'
import type { Packet } from './packet.ts'
import { isWellFormed } from './well-formed.ts'

/** The sender of a packet. */
export interface Source {
  readonly address: string
  readonly port: number
}

/** The receiver of a link's packets and of its failure. */
export interface MulticastLinkOwner {
  heard(packet: Packet, source: Source, link: MulticastLink): void
  /** Called when the link can no longer send. */
  broke(link: MulticastLink, error: Error): void
}

/**
 * Multicast DNS over one interface, in IPv4 or IPv6. Each link has its own instances of the library, because an instance sends on one
 * interface only. The link creates the sockets, because the library binds them where no multicast arrives, and polls.
 */
export class MulticastLink {
  /** The interface with its current addresses. Those of the other family may come and go. */
  interface: NetworkInterface
  readonly family: 'ipv4' | 'ipv6'
  readonly port: number
  readonly #clock: Clock
  readonly #group: string
  readonly #owner: MulticastLinkOwner
  readonly #members: MulticastDNS
  /** Sends from its own port. Hosts answer queries from that port by unicast (RFC 6762 §6.7). */
  readonly #solo: MulticastDNS
  #sending: Promise<void> = Promise.resolve()
  #queued = 0
  #isClosed = false

  private constructor(
    clock: Clock,
    on: NetworkInterface,
    family: 'ipv4' | 'ipv6',
    port: number,
    group: string,
    owner: MulticastLinkOwner,
    members: Socket,
    solo: Socket,
  ) {
    this.#clock = clock
    this.interface = on
    this.family = family
    this.port = port
    this.#group = group
    this.#owner = owner
    this.#members = this.#speak(members)
    this.#solo = this.#speak(solo)
  }

  /** Opens a link. @throws Error of the system when the interface has no multicast */
  static async open(
    clock: Clock,
    on: NetworkInterface,
    family: 'ipv4' | 'ipv6',
    port: number,
    owner: MulticastLinkOwner,
  ): Promise<MulticastLink> {
    const group = family === 'ipv4' ? '224.0.0.251' : 'ff02::fb'
    const members = await socket(on, family, port)
    try {
      const where = family === 'ipv4' ? (on.ipv4 as string) : `::%${on.name}`
      members.addMembership(group, where)
      const solo = await socket(on, family, 0)
      return new MulticastLink(clock, on, family, port, group, owner, members, solo)
    } catch (error) {
      members.close()
      throw error
    }
  }

  /** Sends a packet to all neighbours. Resolves when the system has accepted it. @throws Error of the system */
  multicast(packet: Packet): Promise<void> {
    return this.#send(this.#members, packet, { address: this.#group, port: this.port })
  }

  /** Sends a query to all neighbours, which answer by unicast. */
  ask(packet: Packet): Promise<void> {
    return this.#send(this.#solo, packet, { address: this.#group, port: this.port })
  }

  unicast(packet: Packet, to: Source): Promise<void> {
    return this.#send(this.#members, packet, to)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await Promise.all(
      [this.#members, this.#solo].map(one => new Promise<void>(resolve => one.destroy(resolve))),
    )
  }

  /** Sends packets one at a time with a short pause, so that receivers keep up. */
  #send(by: MulticastDNS, packet: Packet, to: Source): Promise<void> {
    if (this.#queued >= MAX_QUEUED) return Promise.reject(new Error('too many packets wait to be sent'))
    this.#queued++
    const sent = this.#sending.then(() => this.#sendNow(by, packet, to))
    this.#sending = sent
      .catch(() => {})
      .then(() => (--this.#queued > 0 ? this.#clock.sleep(BREATH_MS) : undefined))
    return sent
  }

  async #sendNow(by: MulticastDNS, packet: Packet, to: Source): Promise<void> {
    if (this.#isClosed) throw new Error('the link is closed')
    try {
      await new Promise<void>((resolve, reject) => {
        const sent = (error: Error | null): void => (error ? reject(error) : resolve())
        if (packet.kind === 'query') by.query(toLibrary(packet), to, sent)
        else by.respond(toLibrary(packet), to, sent)
      })
    } catch (error) {
      // The link still works when a single neighbour is unreachable.
      if (to.address === this.#group) this.#owner.broke(this, error as Error)
      throw error
    }
  }

  #speak(socket: Socket): MulticastDNS {
    const library = createMulticastDns({ socket, bind: false, multicast: false, port: this.port })
    // `#send` reports the errors that matter.
    library.on('error', () => {})
    library.on('packet', (found: FullPacket, source: Source) => {
      if (!this.#isClosed) this.#owner.heard(fromLibrary(found), source, this)
    })
    // The library trusts the lengths in a packet, so it gets well-formed packets only.
    const listeners = socket.listeners('message')
    socket.removeAllListeners('message').on('message', (bytes, source) => {
      if (!this.interface.hasNeighbour(source.address) || !isWellFormed(bytes)) return
      for (const listener of listeners) listener.call(socket, bytes, source)
    })
    return library
  }
}

const MAX_QUEUED = 2_000
const BREATH_MS = 1
/** The receive buffer holds the answers of all servers, which arrive together. The system may grant less. */
const RECEIVE_BYTES = 2 ** 20

/** Returns a bound socket that sends over this interface. */
async function socket(on: NetworkInterface, family: 'ipv4' | 'ipv6', port: number): Promise<Socket> {
  const isFour = family === 'ipv4'
  const options = { reuseAddr: port > 0, recvBufferSize: RECEIVE_BYTES }
  const made = isFour
    ? createSocket({ ...options, type: 'udp4' })
    : createSocket({ ...options, type: 'udp6', ipv6Only: true })
  try {
    made.bind(port)
    await once(made, 'listening')
    made.setMulticastInterface(isFour ? (on.ipv4 as string) : `::%${on.name}`)
    made.setMulticastTTL(255)
    made.setMulticastLoopback(true)
    return made
  } catch (error) {
    made.close()
    throw error
  }
}
