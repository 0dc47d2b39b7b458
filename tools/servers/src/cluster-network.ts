import { createConnection, type Socket } from 'node:net'
import { ConnectionGroup } from './connection-group.ts'

/** Where a connection between two members goes on to. */
export interface Target {
  readonly host: string
  readonly port: number
}

/** All that the members of one cluster say to each other: a group from each of them to each other one. */
export class ClusterNetwork {
  readonly #groups = new Map<string, ConnectionGroup>()
  /** Of connections whose dialer is unknown: they pass only while everybody may speak with everybody. */
  readonly #unknownDialers = new ConnectionGroup()
  readonly #cutOff = new Set<number>()

  constructor(members: number) {
    for (let from = 0; from < members; from++) {
      for (let to = 0; to < members; to++) this.#groups.set(`${from} ${to}`, new ConnectionGroup())
    }
  }

  /** Members that hear nobody and are heard by nobody. */
  get cutOff(): ReadonlySet<number> {
    return this.#cutOff
  }

  /** Whether a datagram may go from one to the other. */
  isOpen(from: number, to: number): boolean {
    const group = this.#between(from, to)
    return !group.isCut && !group.isStalled
  }

  /** Connects a member with the one that it dialed, and says `greeting` to it once they are connected. */
  connect(client: Socket, from: number | undefined, to: number, target: Target, greeting = ''): void {
    const group = from === undefined ? this.#unknownDialers : this.#between(from, to)
    // A forgotten cluster must not keep a finished process alive.
    client.unref()
    if (group.isCut) {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    // Not even the handshake gets through a network that is silent.
    if (group.isStalled) {
      group.hold(client)
      return
    }
    const socket = createConnection({ ...target, allowHalfOpen: true, noDelay: true }).unref()
    if (greeting) socket.once('connect', () => client.write(greeting, 'latin1'))
    group.join(client, socket)
  }

  /** Resets what this member says to others and hears from them, until `heal`. */
  partition(member: number): void {
    this.#cutOff.add(member)
    for (const group of this.#around(member)) group.cut()
  }

  /** Holds back what this member says to others and hears from them, until `heal`. */
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
