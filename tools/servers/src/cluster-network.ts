import { createConnection, type Socket } from 'node:net'
import { ConnectionGroup } from './connection-group.ts'

/** The address to which a connection between two members is forwarded. */
export interface Target {
  readonly host: string
  readonly port: number
}

/** The network between the members of a cluster, with a group of connections from each member to each other one. */
export class ClusterNetwork {
  readonly #groups = new Map<string, ConnectionGroup>()
  /** The connections whose dialer is unknown. They pass only while no member is cut off. */
  readonly #unknownDialers = new ConnectionGroup()
  readonly #cutOff = new Set<number>()

  constructor(members: number) {
    for (let from = 0; from < members; from++) {
      for (let to = 0; to < members; to++) this.#groups.set(`${from} ${to}`, new ConnectionGroup())
    }
  }

  /** The members that are cut off from all others. */
  get cutOff(): ReadonlySet<number> {
    return this.#cutOff
  }

  /** Whether a datagram may pass from one member to the other. */
  isOpen(from: number, to: number): boolean {
    const group = this.#between(from, to)
    return !group.isCut && !group.isStalled
  }

  /** Connects a member with the one that it dialed, and then sends `greeting` to the dialer. */
  connect(client: Socket, from: number | undefined, to: number, target: Target, greeting = ''): void {
    const group = from === undefined ? this.#unknownDialers : this.#between(from, to)
    // A forgotten cluster must not keep a finished process alive.
    client.unref()
    if (group.isCut) {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    // Not even a handshake passes a stalled network.
    if (group.isStalled) {
      group.hold(client)
      return
    }
    const socket = createConnection({ ...target, allowHalfOpen: true, noDelay: true }).unref()
    if (greeting) socket.once('connect', () => client.write(greeting, 'latin1'))
    group.join(client, socket)
  }

  /** Resets all connections between this member and the others, until `heal`. */
  partition(member: number): void {
    this.#cutOff.add(member)
    for (const group of this.#around(member)) group.cut()
  }

  /** Holds back all bytes between this member and the others, until `heal`. */
  stall(member: number): void {
    this.#cutOff.add(member)
    for (const group of this.#around(member)) group.stall('both')
  }

  heal(): void {
    this.#cutOff.clear()
    this.#unknownDialers.heal()
    for (const group of this.#groups.values()) group.heal()
  }

  #between(from: number, to: number): ConnectionGroup {
    const group = this.#groups.get(`${from} ${to}`)
    if (!group) throw new Error(`no members ${from} and ${to}`)
    return group
  }

  #around(member: number): ConnectionGroup[] {
    const others = [...this.#groups].filter(([key]) => {
      const [from, to] = key.split(' ').map(Number)
      return from !== to && (from === member || to === member)
    })
    return [this.#unknownDialers, ...others.map(([, group]) => group)]
  }
}
