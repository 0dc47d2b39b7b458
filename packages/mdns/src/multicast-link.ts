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

/** Who sent a packet. */
export interface Source {
  readonly address: string
  readonly port: number
}

/** Who hears what comes over a link. */
export interface MulticastLinkOwner {
  heard(packet: Packet, source: Source, link: MulticastLink): void
  /** It cannot send any more. */
  broke(link: MulticastLink, error: Error): void
}

/**
 * Multicast DNS over one interface, in IPv4 or IPv6. An instance of the library for each, since one sends on one interface only; its
 * sockets are made here, since it binds them where no multicast arrives, and polls.
 */
export class MulticastLink {
  /** As it is now: addresses of the other family may come and go. */
  interface: NetworkInterface
  readonly family: 'ipv4' | 'ipv6'
  readonly port: number
  readonly #clock: Clock
  readonly #group: string
  readonly #owner: MulticastLinkOwner
  readonly #members: MulticastDNS
  /** Sends from a port of its own: who is asked from there answers this process alone (RFC 6762 §6.7). */
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

  /** @throws Error of the system when it has no multicast */
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

  /** To all neighbours. Resolves when the system has it. @throws Error of the system */
  multicast(packet: Packet): Promise<void> {
    return this.#send(this.#members, packet, { address: this.#group, port: this.port })
  }

  /** To all neighbours, for answers to this process alone. */
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

  /** One after the other with a breath in between, so that those who listen keep up. */
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
      // A neighbour that cannot be reached says nothing about the link.
      if (to.address === this.#group) this.#owner.broke(this, error as Error)
      throw error
    }
  }

  #speak(socket: Socket): MulticastDNS {
    const library = createMulticastDns({ socket, bind: false, multicast: false, port: this.port })
    // What matters of them is told to those who send.
    library.on('error', () => {})
    library.on('packet', (found: FullPacket, source: Source) => {
      if (!this.#isClosed) this.#owner.heard(fromLibrary(found), source, this)
    })
    // It believes what a packet says of its own size, and so hears of those only that are whole.
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
/** Everybody answers at once; the system gives less where it has less. */
const RECEIVE_BYTES = 2 ** 20

/** Bound, and sending over this interface. */
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
