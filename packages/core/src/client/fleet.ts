import type { Endpoints } from '../discovery/discovery.ts'
import type { RpcxError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Call } from './call.ts'
import type { ClientEvents } from './client-events.ts'
import { Hold } from './hold.ts'
import type { NodeOwner, NodePeers } from './node.ts'
import { Node } from './node.ts'
import type { Payloads } from './payloads.ts'
import type { Pool } from './pool.ts'
import { filterByStateAndGroup } from './select/filter.ts'
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
  #listed: ReadonlySet<string> = new Set()
  /** Those of them to choose from; `undefined` when that has to be looked at again. */
  #candidates: readonly Node[] | undefined
  readonly #pinger: NodeJS.Timeout | undefined

  constructor(options: FleetOptions, owner: NodeOwner) {
    this.#options = options
    this.#owner = owner
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

  /** Takes over a new list: connections to servers that stay are kept, the others close when their calls have ended. */
  update(endpoints: Endpoints): void {
    const before = this.#listed
    this.#listed = new Set(endpoints.map(({ address }) => address))
    const chosen = this.#chosen(endpoints)
    const addresses = new Set(chosen.map(({ address }) => address))
    const gone = [...this.#byAddress.values()].filter(({ endpoint }) => !addresses.has(endpoint.address))
    // One that is still listed was taken out on purpose.
    const vanished = gone.filter(({ endpoint }) => !this.#listed.has(endpoint.address))
    const isShrinking = before.size >= 3 && this.#listed.size < before.size / 2
    const held = this.#hold.take(vanished, isShrinking)
    const retired = gone.filter(node => !held.has(node))
    for (const node of retired) this.#byAddress.delete(node.endpoint.address)
    this.#nodes = chosen.map(endpoint => this.#nodeFor(endpoint))
    this.#candidates = undefined
    this.#options.selector.update?.(this.nodes)
    if (this.#options.pings) this.#ping()
    if (isShrinking && held.size > 0) {
      const counts = { from: before.size, to: this.#listed.size, held: held.size }
      this.#options.events.emit('shrunk', { service: this.#options.payloads.service, ...counts })
    }
    // Only now, so that the calls that waited there find the new list.
    for (const node of retired) node.leave()
  }

  maxBackoffMs(): number {
    return this.#byAddress.size > 1 ? MAX_BACKOFF_MS : MAX_BACKOFF_ALONE_MS
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
    this.#hold.close()
    const nodes = [...this.#byAddress.values()]
    this.#byAddress.clear()
    this.#nodes = NONE
    this.#candidates = NONE
    for (const node of nodes) node.leave()
  }

  #chosen(endpoints: Endpoints): Endpoints {
    const { group, subset } = this.#options
    const callable = filterByStateAndGroup(endpoints, group)
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

  #nodeFor(endpoint: Endpoints[number]): Node {
    const known = this.#byAddress.get(endpoint.address)
    if (known !== undefined) {
      known.endpoint = endpoint
      this.#hold.drop(known)
      return known
    }
    const node = new Node(endpoint, this.#options.pool, this.#owner, this)
    this.#byAddress.set(endpoint.address, node)
    return node
  }

  #release(nodes: readonly Node[]): void {
    for (const node of nodes) {
      this.#hold.drop(node)
      this.#byAddress.delete(node.endpoint.address)
    }
    this.#candidates = undefined
    this.#options.selector.update?.(this.nodes)
    for (const node of nodes) node.leave()
  }
}

const NONE: readonly Node[] = []

const PING_MS = 10_000
const MAX_BACKOFF_MS = 5_000
// With no other server to go to, finding the only one again soon is worth more than sparing it.
const MAX_BACKOFF_ALONE_MS = 1_000
