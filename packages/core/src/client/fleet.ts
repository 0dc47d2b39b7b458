import type { Endpoint, Endpoints } from '../discovery/discovery.ts'
import type { RpcxError } from '../errors.ts'
import type { Events } from '../events.ts'
import { Slices } from '../slices.ts'
import type { Call } from './call.ts'
import type { ClientEvents } from './client-events.ts'
import { Hold } from './hold.ts'
import type { NodeOwner, NodePeers } from './node.ts'
import { Node } from './node.ts'
import type { Payloads } from './payloads.ts'
import type { Pool } from './pool.ts'
import { mayBeCalled } from './select/filter.ts'
import type { Selector } from './select/selector.ts'
import type { Subset } from './select/subset.ts'
import { subsetOf } from './select/subset.ts'
import type { EndpointSnapshot } from './snapshot.ts'

export interface FleetOptions {
  readonly payloads: Payloads
  readonly pool: Pool
  /** Whether to measure how long a heartbeat takes. */
  readonly pings: boolean
  readonly group: string | undefined
  readonly subset: Required<Subset> | undefined
  readonly holdMs: number
  readonly selector: Selector
  readonly events: Events<ClientEvents>
  /** A server is in trouble: the registry may look whether it is still there. */
  suspected(address: string): void
}

/** The servers of a service: those of the newest list, and those that are not given up yet. */
export class Fleet implements NodePeers {
  readonly #options: FleetOptions
  readonly #owner: NodeOwner
  readonly #byAddress = new Map<string, Node>()
  readonly #hold: Hold
  /** The servers of the newest list that may be called, in address order; `undefined` before the first list. */
  #nodes: readonly Node[] | undefined
  /** The list that they are of, and the newest, which is not taken over yet: a large one takes a while. */
  #taken: List = { number: 0, endpoints: [], servers: [] }
  #newest: List = this.#taken
  /** Nodes that are in no list that was taken over. */
  #made: Node[] = []
  readonly #making = new Slices(() => this.#takeOver())
  readonly #leaving = new Slices(() => {})
  readonly #listed: () => void
  /** Those of them to choose from; `undefined` when that has to be looked at again. */
  #candidates: readonly Node[] | undefined
  readonly #pinger: NodeJS.Timeout | undefined

  /** @param listed called when a list was taken over */
  constructor(options: FleetOptions, owner: NodeOwner, listed: () => void) {
    this.#options = options
    this.#owner = owner
    this.#listed = listed
    this.#hold = new Hold(options.holdMs, nodes => this.#release(nodes))
    if (options.pings) this.#pinger = setInterval(() => this.#ping(), PING_MS).unref()
  }

  get pings(): boolean {
    return this.#options.pings
  }

  get hasList(): boolean {
    return this.#nodes !== undefined
  }

  /** All servers that may be called, in service or not. */
  get nodes(): readonly Node[] {
    const nodes = this.#nodes ?? NONE
    return this.#hold.size === 0 ? nodes : [...nodes, ...this.#hold]
  }

  /** The servers to choose from: the same array until one of them changes. */
  get candidates(): readonly Node[] {
    this.#candidates ??= this.#inService()
    return this.#candidates
  }

  /** Every call that waits at a server. */
  *calls(): Generator<Call> {
    const { pool, payloads } = this.#options
    for (const call of pool.calls()) if (call.payloads === payloads) yield call
  }

  /**
   * Takes over a new list, at once unless it is large: connections to servers that stay are kept, the others close when their
   * calls have ended.
   */
  update(endpoints: Endpoints): void {
    this.#newest = { number: this.#newest.number + 1, endpoints, servers: [] }
    this.#making.add(this.#look(this.#newest))
  }

  maxBackoffMs(): number {
    return (this.#nodes?.length ?? 0) + this.#hold.size > 1 ? MAX_BACKOFF_MS : MAX_BACKOFF_ALONE_MS
  }

  maySpare(): boolean {
    const nodes = this.#nodes ?? NONE
    const out = nodes.reduce((sum, node) => (node.isAvailable ? sum : sum + 1), 0)
    return out + 1 <= nodes.length / 2
  }

  errorShareBeside(node: Node, now: number): number {
    const others = (this.#nodes ?? NONE).filter(other => other !== node && other.isConnected)
    if (others.length === 0) return 0
    return others.reduce((sum, other) => sum + other.errorShare(now), 0) / others.length
  }

  changed(node: Node): void {
    this.#candidates = undefined
    if (this.#hold.isLost(node)) this.#release([node])
  }

  ejected({ endpoint }: Node, error: RpcxError, forMs: number): void {
    const { events, payloads, suspected } = this.#options
    events.emit('ejected', { service: payloads.service, endpoint: endpoint.address, error, forMs })
    suspected(endpoint.address)
  }

  restored({ endpoint }: Node): void {
    const { events, payloads } = this.#options
    events.emit('restored', { service: payloads.service, endpoint: endpoint.address })
  }

  snapshot(): EndpointSnapshot[] {
    return this.nodes.map(node => ({ ...node.snapshot(), isHeld: this.#hold.has(node) }))
  }

  /** Lets go of all servers. */
  close(): void {
    clearInterval(this.#pinger)
    this.#making.stop()
    this.#hold.close()
    const nodes = [...this.#byAddress.values()]
    this.#byAddress.clear()
    this.#nodes = NONE
    this.#candidates = NONE
    this.#leaving.add(leaving(nodes))
    // Whoever waits for the connections to end needs to know of all of them.
    this.#leaving.finish()
  }

  /** Finds out whom a list means, in steps. Most endpoints are the very same as in the list before. */
  *#look({ number, endpoints, servers }: List): Generator<undefined> {
    const { endpoints: before, servers: known } = this.#taken
    let at = 0
    for (const endpoint of endpoints) {
      while (at < before.length && (before[at] as Endpoint).address < endpoint.address) at++
      const isSame = before[at] === endpoint && this.#options.subset === undefined
      const server = isSame ? known[at] : this.#serverFor(endpoint, number)
      if (server instanceof Node) server.listedIn = server.chosenIn = number
      servers.push(server)
      if (endpoints.length > MANY) yield
    }
  }

  /** A node, or an endpoint that may become one, when it may be called. */
  #serverFor(endpoint: Endpoint, number: number): Node | Endpoint | undefined {
    const { group, subset } = this.#options
    const known = this.#byAddress.get(endpoint.address)
    if (known !== undefined) known.listedIn = number
    if (!mayBeCalled(endpoint, group)) return undefined
    return subset === undefined ? this.#nodeFor(endpoint) : endpoint
  }

  #takeOver(): void {
    if (this.#taken === this.#newest) return
    this.#taken = this.#newest
    const { number, endpoints } = this.#taken
    const before = this.#nodes ?? NONE
    this.#nodes = this.#chosen(this.#taken)
    const gone = before.filter(({ chosenIn }) => chosenIn !== number)
    const vanished = gone.filter(({ listedIn }) => listedIn !== number)
    for (const node of [...this.#hold.kept.keys()]) if (node.chosenIn === number) this.#hold.drop(node)
    const { from, held, retired, isNew } = this.#hold.listed(endpoints.length, vanished)
    const over = [
      ...retired,
      // One that is still listed was taken out on purpose.
      ...[...gone, ...this.#hold.kept.keys()].filter(({ listedIn }) => listedIn === number),
      // Newer lists came before they were in one.
      ...this.#made.splice(0).filter(({ chosenIn }) => chosenIn !== number),
    ]
    this.#forget(over)
    this.#candidates = undefined
    this.#options.selector.update?.(this.nodes)
    if (this.#options.pings) this.#ping()
    if (isNew) {
      const { events, payloads } = this.#options
      events.emit('shrunk', { service: payloads.service, from, to: endpoints.length, held: held.length })
    }
    // Only now, so that the calls that waited there find the new list.
    for (const node of vanished) if (this.#hold.kept.has(node) && !this.#hold.has(node)) node.rest()
    this.#leaving.add(leaving(over))
    this.#listed()
  }

  #chosen({ number, servers }: List): readonly Node[] {
    const { subset } = this.#options
    if (subset === undefined) return servers.filter(server => server !== undefined) as Node[]
    return subsetOf(servers.filter(server => server !== undefined) as Endpoint[], subset).map(endpoint => {
      const node = this.#nodeFor(endpoint)
      node.listedIn = node.chosenIn = number
      return node
    })
  }

  #ping(): void {
    for (const node of this.#nodes ?? NONE) node.link.ping()
  }

  #inService(): readonly Node[] {
    const nodes = (this.#nodes ?? NONE).filter(node => node.isAvailable)
    if (this.#hold.size === 0) {
      // Where all dials take long, one of them has to be waited for.
      return nodes.length > 0 ? nodes : (this.#nodes ?? NONE).filter(node => !node.isOut)
    }
    const held = [...this.#hold].filter(node => node.isAvailable)
    const connected = [...nodes, ...held.filter(node => node.isConnected)]
    return connected.length > 0 ? connected : held
  }

  #nodeFor(endpoint: Endpoint): Node {
    let node = this.#byAddress.get(endpoint.address)
    if (node === undefined) {
      node = new Node(endpoint, this.#options.pool, this.#owner, this)
      this.#byAddress.set(endpoint.address, node)
      this.#made.push(node)
    }
    node.endpoint = endpoint
    return node
  }

  #release(nodes: readonly Node[]): void {
    const wereHeld = nodes.some(node => this.#hold.has(node))
    this.#forget(nodes)
    if (wereHeld) {
      this.#candidates = undefined
      this.#options.selector.update?.(this.nodes)
    }
    this.#leaving.add(leaving(nodes))
  }

  #forget(nodes: readonly Node[]): void {
    for (const node of nodes) {
      this.#hold.drop(node)
      this.#byAddress.delete(node.endpoint.address)
    }
  }
}

/** A list, and the servers of it that may be called, each in its place; endpoints where only a subset will be. */
interface List {
  readonly number: number
  readonly endpoints: Endpoints
  readonly servers: (Node | Endpoint | undefined)[]
}

function* leaving(nodes: readonly Node[]): Generator<undefined> {
  for (const node of nodes) {
    node.leave()
    yield
  }
}

const NONE: readonly Node[] = []

/** A list of fewer is taken over at once. */
const MANY = 1_000
const PING_MS = 10_000
const MAX_BACKOFF_MS = 5_000
// With no other server to go to, finding the only one again soon is worth more than sparing it.
const MAX_BACKOFF_ALONE_MS = 1_000
