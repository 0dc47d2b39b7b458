import { createConnection, type Socket } from 'node:net'
import { Passage } from './passage.ts'

/** Where a connection between two members goes on to. */
export interface Target {
  readonly host: string
  readonly port: number
}

/** All that the members of one cluster say to each other: a passage from each of them to each other one. */
export class Wires {
  readonly #passages = new Map<string, Passage>()
  /** Of connections whose dialer is unknown: they pass only while everybody may speak with everybody. */
  readonly #strangers = new Passage()
  readonly #cutOff = new Set<number>()

  constructor(members: number) {
    for (let from = 0; from < members; from++) {
      for (let to = 0; to < members; to++) this.#passages.set(`${from} ${to}`, new Passage())
    }
  }

  /** Members that hear nobody and are heard by nobody. */
  get cutOff(): ReadonlySet<number> {
    return this.#cutOff
  }

  /** Whether a datagram may go from one to the other. */
  isOpen(from: number, to: number): boolean {
    const passage = this.#between(from, to)
    return !passage.isCut && !passage.isStalled
  }

  /** Connects a member with the one that it dialed, and says `greeting` to it once they are connected. */
  connect(client: Socket, from: number | undefined, to: number, target: Target, greeting = ''): void {
    const passage = from === undefined ? this.#strangers : this.#between(from, to)
    // A forgotten cluster must not keep a finished process alive.
    client.unref()
    if (passage.isCut) {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    // Not even the handshake gets through a network that is silent.
    if (passage.isStalled) {
      passage.hold(client)
      return
    }
    const socket = createConnection({ ...target, allowHalfOpen: true, noDelay: true }).unref()
    if (greeting) socket.once('connect', () => client.write(greeting, 'latin1'))
    passage.join(client, socket)
  }

  /** Resets what this member says to others and hears from them, until `heal`. */
  partition(member: number): void {
    this.#cutOff.add(member)
    for (const passage of this.#around(member)) passage.cut()
  }

  /** Holds back what this member says to others and hears from them, until `heal`. */
  stall(member: number): void {
    this.#cutOff.add(member)
    for (const passage of this.#around(member)) passage.stall('both')
  }

  heal(): void {
    this.#cutOff.clear()
    this.#strangers.heal()
    for (const passage of this.#passages.values()) passage.heal()
  }

  #between(from: number, to: number): Passage {
    const passage = this.#passages.get(`${from} ${to}`)
    if (!passage) throw new Error(`no members ${from} and ${to}`)
    return passage
  }

  #around(member: number): Passage[] {
    const others = [...this.#passages].filter(([key]) => {
      const [from, to] = key.split(' ').map(Number)
      return from !== to && (from === member || to === member)
    })
    return [this.#strangers, ...others.map(([, passage]) => passage)]
  }
}
