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
  /** What is not taken over yet: of a large list, the nodes are made first, in slices. */
  #newest: Endpoints | undefined
  #made: Node[] = []
  readonly #making = new Slices(() => this.#takeOver())
  readonly #leaving = new Slices(() => {})
  readonly #listed: () => void
  #lists = 0
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
    this.#newest = endpoints
    this.#making.add(this.#makeNodes(endpoints))
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
    this.#newest = undefined
    this.#hold.close()
    const nodes = [...this.#byAddress.values()]
    this.#byAddress.clear()
    this.#nodes = NONE
    this.#candidates = NONE
    this.#leaving.add(leaving(nodes))
    // Whoever waits for the connections to end needs to know of all of them.
    this.#leaving.finish()
  }

  /** Each takes a few microseconds, which for many is too long at once. */
  *#makeNodes(endpoints: Endpoints): Generator<undefined> {
    if (this.#options.subset !== undefined || endpoints.length < MANY) return
    for (const endpoint of endpoints) {
      if (!this.#byAddress.has(endpoint.address) && mayBeCalled(endpoint, this.#options.group))
        this.#made.push(this.#nodeFor(endpoint))
      yield
    }
  }

  #takeOver(): void {
    const endpoints = this.#newest
    if (endpoints === undefined) return
    this.#newest = undefined
    const list = ++this.#lists
    const before = this.#nodes ?? NONE
    this.#nodes = this.#chosen(endpoints).map(endpoint => this.#choose(endpoint))
    const gone = before.filter(({ chosenIn }) => chosenIn !== list)
    const vanished = gone.filter(({ listedIn }) => listedIn !== list)
    const { from, held, retired, isNew } = this.#hold.listed(endpoints.length, vanished)
    const over = [
      ...retired,
      // One that is still listed was taken out on purpose.
      ...[...gone, ...this.#hold.kept.keys()].filter(({ listedIn }) => listedIn === list),
      // Newer lists came before they were in one.
      ...this.#made.splice(0).filter(({ chosenIn }) => chosenIn !== list),
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

  #chosen(endpoints: Endpoints): readonly Endpoint[] {
    const { group, subset } = this.#options
    const callable = endpoints.filter(endpoint => {
      const known = this.#byAddress.get(endpoint.address)
      if (known !== undefined) known.listedIn = this.#lists
      return mayBeCalled(endpoint, group)
    })
    return subset === undefined ? callable : subsetOf(callable, subset)
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

  #choose(endpoint: Endpoint): Node {
    const node = this.#byAddress.get(endpoint.address) ?? this.#nodeFor(endpoint)
    node.endpoint = endpoint
    node.chosenIn = this.#lists
    if (this.#hold.kept.size > 0) this.#hold.drop(node)
    return node
  }

  #nodeFor(endpoint: Endpoint): Node {
    const node = new Node(endpoint, this.#options.pool, this.#owner, this)
    this.#byAddress.set(endpoint.address, node)
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
