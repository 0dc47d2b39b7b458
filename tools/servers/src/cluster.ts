import { rm } from 'node:fs/promises'
import { available } from './binaries.ts'
import { ClusterNetwork } from './cluster-network.ts'
import { untilResolved } from './deadline.ts'
import type { Kind } from './kind.ts'
import { LocalServer } from './local-server.ts'
import { type Reservation, reservePorts } from './ports.ts'
import type { Recipe, Server, ServerOptions } from './server.ts'
import { startOnFreePorts } from './start.ts'

export interface ClusterOptions extends ServerOptions {
  /** How many servers, default 3. */
  members?: number
}

/**
 * Servers that are one registry, all of them answering since before the caller got it. What they say to each other
 * goes through this process: one that is busy for half a second costs them their leader.
 */
export interface Cluster extends AsyncDisposable {
  readonly kind: Kind
  /** Each can be killed, paused and restarted with its data. Its restart ends when it is part of a majority. */
  readonly members: readonly Server[]
  /** `host:port` of each member's client port; the same for the cluster's whole life. */
  readonly addresses: readonly string[]
  /** Resolves to the member that leads a majority now; waits for an election as long as a start may take. */
  leader(): Promise<Server>
  /** Resets all connections between this member and the others, and new ones, until `heal`; clients still reach it. */
  partition(member: Server): void
  /** Holds back all that this member and the others say to each other, until `heal`; clients still reach it. */
  stall(member: Server): void
  /** Ends every `partition` and `stall`; what a stall held back is forwarded. The members agree again soon after. */
  heal(): Promise<void>
  /** Kills all members, then starts them together, on the same ports and with their data. */
  restart(): Promise<void>
  /** Ends all members and removes their data, for good. */
  stop(): Promise<void>
}

/** What one kind of cluster needs beside its servers: how the members learn of each other. */
export interface Team extends AsyncDisposable {
  readonly recipes: readonly Recipe[]
  /** Resolves to whether this member believes that it leads. Rejects when it does not respond. */
  leads(member: number): Promise<boolean>
  /** Makes the members notice that they can reach each other again, if they would not notice soon. */
  healed?(): Promise<void>
}

/** Starts a cluster. Rejects as `startServer` does, and when members cannot be processes of this machine. */
export async function startCluster(
  kind: Kind,
  options: ClusterOptions,
  gather: (reservations: readonly Reservation[], network: ClusterNetwork) => Promise<Team>,
): Promise<Cluster> {
  const { members: size = 3, startTimeoutMs = 30_000 } = options
  const origin = await available(kind)
  if (origin.from !== 'path' && origin.from !== 'cache') {
    throw new Error(
      `a cluster of ${kind} needs a binary here: ${'reason' in origin ? origin.reason : origin.from}`,
    )
  }
  return startOnFreePorts(async () => {
    const reservations = await Promise.all(Array.from({ length: size }, reservePorts))
    const network = new ClusterNetwork(size)
    const team = await gather(reservations, network).catch(async error => {
      for (const { folder } of reservations) await rm(folder, { recursive: true })
      throw error
    })
    const members = team.recipes.map(
      (recipe, index) => new LocalServer(recipe, origin, reservations[index] as Reservation, startTimeoutMs),
    )
    return new LocalCluster(kind, members, team, network, startTimeoutMs)
  })
}

class LocalCluster implements Cluster {
  readonly kind: Kind
  readonly members: readonly Server[]
  readonly addresses: readonly string[]
  readonly #team: Team
  readonly #network: ClusterNetwork
  readonly #electionTimeoutMs: number

  constructor(
    kind: Kind,
    members: readonly Server[],
    team: Team,
    network: ClusterNetwork,
    electionTimeoutMs: number,
  ) {
    this.kind = kind
    this.members = members
    this.addresses = members.map(({ address }) => address)
    this.#team = team
    this.#network = network
    this.#electionTimeoutMs = electionTimeoutMs
  }

  leader(): Promise<Server> {
    const what = `a leader of the ${this.kind} cluster`
    return untilResolved(() => this.#elected(), { what, timeoutMs: this.#electionTimeoutMs })
  }

  partition(member: Server): void {
    this.#network.partition(this.#indexOf(member))
  }

  stall(member: Server): void {
    this.#network.stall(this.#indexOf(member))
  }

  async heal(): Promise<void> {
    this.#network.heal()
    await this.#team.healed?.()
  }

  async restart(): Promise<void> {
    await Promise.all(this.members.map(member => member.kill()))
    const results = await Promise.allSettled(this.members.map(member => member.restart()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(member => member.stop()))
    // Stalled connections would not notice that both ends are gone.
    this.#network.heal()
    await this.#team[Symbol.asyncDispose]()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** A member that is cut off believes for a while that it still leads, so it is not asked. A leader needs a majority. */
  async #elected(): Promise<Server> {
    const asked = this.members.map(async (_, index) => {
      if (this.#network.cutOff.has(index)) throw new Error('it is cut off')
      return this.#team.leads(index)
    })
    const answers = await Promise.allSettled(asked)
    const answered = answers.filter(({ status }) => status === 'fulfilled').length
    const leading = this.members.filter((_, index) => {
      const answer = answers[index]
      return answer?.status === 'fulfilled' && answer.value
    })
    const [leader] = leading
    if (answered * 2 <= this.members.length) throw new Error(`only ${answered} members answer`)
    if (!leader || leading.length > 1) throw new Error(`${leading.length} members lead`)
    return leader
  }

  #indexOf(member: Server): number {
    const index = this.members.indexOf(member)
    if (index < 0) throw new RangeError(`${member.kind} at ${member.address} is no member of this cluster`)
    return index
  }
}
