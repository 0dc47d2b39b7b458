import type { Clock, Timer } from '../../clock.ts'
import type { Endpoint, Endpoints } from '../../discovery/discovery.ts'
import type { RpcxError } from '../../errors.ts'
import type { Events } from '../../events.ts'
import { shown } from '../../options.ts'
import { Slices } from '../../slices.ts'
import type { Call, CallOwner } from '../call/call.ts'
import type { MethodCodec } from '../call/method-codec.ts'
import type { ClientEvents } from '../client-events.ts'
import { mayBeCalled } from '../select/filter.ts'
import type { Selector } from '../select/selector.ts'
import type { Subset } from '../select/subset.ts'
import { subsetOf } from '../select/subset.ts'
import type { ChannelPool, EndpointPeers } from './endpoint-handle.ts'
import { EndpointHandle } from './endpoint-handle.ts'
import type { EndpointSnapshot } from './snapshot.ts'
import { VanishedEndpoints } from './vanished-endpoints.ts'

export interface EndpointSetOptions {
  readonly clock: Clock
  readonly methodCodec: MethodCodec
  readonly pool: ChannelPool
  /** Whether to measure the duration of heartbeats. */
  readonly pings: boolean
  readonly group: string | undefined
  readonly subset: Required<Subset> | undefined
  readonly holdMs: number
  readonly selector: Selector
  readonly events: Events<ClientEvents>
  /** Called when a server was ejected, so that the discovery can verify that it is still registered. */
  suspected(address: string): void
}

/** The servers of a service: those of the newest list, and vanished ones that are still kept. */
export class EndpointSet implements EndpointPeers {
  readonly #options: EndpointSetOptions
  readonly #owner: CallOwner
  readonly #byAddress = new Map<string, EndpointHandle>()
  readonly #vanished: VanishedEndpoints
  /** The servers of the newest list that may be called, in address order; `undefined` before the first list. */
  #handles: readonly EndpointHandle[] | undefined
  /** The list that was applied last; `#handles` are its servers. */
  #taken: List = { number: 0, endpoints: [], servers: [] }
  /** The newest list. It may not be applied yet, because a large list takes a while. */
  #newest: List = this.#taken
  /** The handles that were made since the last list was applied. */
  #made: EndpointHandle[] = []
  readonly #making: Slices
  readonly #leaving: Slices
  readonly #listed: () => void
  /** The servers to choose from; `undefined` when they must be computed again. */
  #candidates: readonly EndpointHandle[] | undefined
  readonly #pinger: Timer | undefined

  /** @param listed called when a list has been applied */
  constructor(options: EndpointSetOptions, owner: CallOwner, listed: () => void) {
    const { clock } = options
    this.#options = options
    this.#making = new Slices(clock, () => this.#takeOver())
    this.#leaving = new Slices(clock, () => {})
    this.#owner = owner
    this.#listed = listed
    this.#vanished = new VanishedEndpoints(clock, options.holdMs, handles => this.#release(handles))
    if (!options.pings) return
    this.#pinger = clock.setInterval(() => this.#ping(), PING_MS).unref()
  }

  get pings(): boolean {
    return this.#options.pings
  }

  get hasList(): boolean {
    return this.#handles !== undefined
  }

  /** All servers that may be called, including ejected ones. */
  get handles(): readonly EndpointHandle[] {
    const handles = this.#handles ?? NONE
    return this.#vanished.size === 0 ? handles : [...handles, ...this.#vanished]
  }

  /** Says why there is no server to call, although there is a list. */
  get whyEmpty(): string {
    const { group, methodCodec } = this.#options
    const { length } = this.#taken.endpoints
    if (length === 0)
      return `no server is registered; do the servers register the name ${methodCodec.service} at this registry, under the same path?`
    const others = group === undefined ? 'inactive' : `inactive or not of the group ${shown(group)}`
    return `${length} ${length === 1 ? 'server is' : 'servers are'} registered, but ${others}`
  }

  /** The servers to choose from: the same array until one of them changes. */
  get candidates(): readonly EndpointHandle[] {
    this.#candidates ??= this.#inService()
    return this.#candidates
  }

  /** Yields every call of this service that waits for a connection or a reply. */
  *calls(): Generator<Call> {
    const { pool, methodCodec } = this.#options
    for (const call of pool.calls()) if (call.methodCodec === methodCodec) yield call
  }

  /**
   * Applies a new list: at once, or in slices of work if it is large. Connections to servers that stay in the list are kept. The other
   * connections close when their calls have ended.
   */
  update(endpoints: Endpoints): void {
    // With its length from the start, the list of a few servers takes no more memory than it needs.
    this.#newest = { number: this.#newest.number + 1, endpoints, servers: new Array(endpoints.length) }
    this.#making.add(this.#look(this.#newest))
  }

  /** Applies the newest list now, however long that takes. */
  finish(): void {
    this.#making.finish()
  }

  maxBackoffMs(): number {
    return (this.#handles?.length ?? 0) + this.#vanished.size > 1 ? MAX_BACKOFF_MS : MAX_BACKOFF_ALONE_MS
  }

  maySpare(): boolean {
    const handles = this.#handles ?? NONE
    const out = handles.reduce((sum, handle) => (handle.isAvailable ? sum : sum + 1), 0)
    return out + 1 <= handles.length / 2
  }

  errorShareBeside(handle: EndpointHandle, now: number): number {
    const others = (this.#handles ?? NONE).filter(other => other !== handle && other.isConnected)
    if (others.length === 0) return 0
    return others.reduce((sum, other) => sum + other.errorShare(now), 0) / others.length
  }

  changed(handle: EndpointHandle): void {
    this.#candidates = undefined
    if (this.#vanished.isLost(handle)) this.#release([handle])
  }

  ejected({ endpoint }: EndpointHandle, error: RpcxError, forMs: number): void {
    const { events, methodCodec, suspected } = this.#options
    events.emit('ejected', { service: methodCodec.service, endpoint: endpoint.address, error, forMs })
    suspected(endpoint.address)
  }

  restored({ endpoint }: EndpointHandle): void {
    const { events, methodCodec } = this.#options
    events.emit('restored', { service: methodCodec.service, endpoint: endpoint.address })
  }

  snapshot(): EndpointSnapshot[] {
    return this.handles.map(handle => ({ ...handle.snapshot(), isHeld: this.#vanished.has(handle) }))
  }

  /** Releases all servers. */
  close(): void {
    this.#options.clock.clear(this.#pinger)
    this.#making.stop()
    this.#vanished.close()
    const handles = [...this.#byAddress.values()]
    this.#byAddress.clear()
    this.#handles = NONE
    this.#candidates = NONE
    this.#leaving.add(leaving(handles))
    // All handles leave now, because the caller then waits for the closing of all connections that have no handles.
    this.#leaving.finish()
  }

  /** Finds the server of each endpoint of a list, in steps. It reuses the result for endpoints that are in the last list as well. */
  *#look({ number, endpoints, servers }: List): Generator<undefined> {
    const { endpoints: before, servers: known } = this.#taken
    let at = 0
    let i = 0
    for (const endpoint of endpoints) {
      while (at < before.length && (before[at] as Endpoint).address < endpoint.address) at++
      const isSame = before[at] === endpoint && this.#options.subset === undefined
      const server = isSame ? known[at] : this.#serverFor(endpoint, number)
      if (server instanceof EndpointHandle) server.listedIn = server.chosenIn = number
      servers[i++] = server
      if (endpoints.length > MANY) yield
    }
  }

  /** Returns the handle of a server; with a subset, its endpoint, which may become a handle later; `undefined` if it may not be called. */
  #serverFor(endpoint: Endpoint, number: number): EndpointHandle | Endpoint | undefined {
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
    const before = this.#handles ?? NONE
    this.#handles = this.#chosen(this.#taken)
    const gone = before.filter(({ chosenIn }) => chosenIn !== number)
    const vanished = gone.filter(({ listedIn }) => listedIn !== number)
    for (const handle of [...this.#vanished.kept.keys()])
      if (handle.chosenIn === number) this.#vanished.drop(handle)
    const { from, held, retired, isNew } = this.#vanished.listed(endpoints.length, vanished)
    const over = [
      ...retired,
      // A server that is listed but may no longer be called was excluded on purpose, so it is not kept.
      ...[...gone, ...this.#vanished.kept.keys()].filter(({ listedIn }) => listedIn === number),
      // These handles were made for a list that a newer one replaced before it was applied.
      ...this.#made.splice(0).filter(({ chosenIn }) => chosenIn !== number),
    ]
    this.#forget(over)
    this.#candidates = undefined
    this.#options.selector.update?.(this.handles)
    if (this.#options.pings) this.#ping()
    if (isNew) {
      const { events, methodCodec } = this.#options
      events.emit('shrunk', { service: methodCodec.service, from, to: endpoints.length, held: held.length })
    }
    // Only after the new list is in place, so that the unsent calls of these servers go to servers of the new list.
    for (const handle of vanished)
      if (this.#vanished.kept.has(handle) && !this.#vanished.has(handle)) handle.rest()
    this.#leaving.add(leaving(over))
    this.#listed()
  }

  #chosen({ number, servers }: List): readonly EndpointHandle[] {
    const { subset } = this.#options
    if (subset === undefined) return servers.filter(server => server !== undefined) as EndpointHandle[]
    return subsetOf(servers.filter(server => server !== undefined) as Endpoint[], subset).map(endpoint => {
      const handle = this.#nodeFor(endpoint)
      handle.listedIn = handle.chosenIn = number
      return handle
    })
  }

  #ping(): void {
    for (const handle of this.#handles ?? NONE) handle.channel.ping()
  }

  #inService(): readonly EndpointHandle[] {
    const handles = (this.#handles ?? NONE).filter(handle => handle.isAvailable)
    if (this.#vanished.size === 0) {
      // When all servers are slow, calls have to wait for one of them.
      return handles.length > 0 ? handles : (this.#handles ?? NONE).filter(handle => !handle.isOut)
    }
    const held = [...this.#vanished].filter(handle => handle.isAvailable)
    const connected = [...handles, ...held.filter(handle => handle.isConnected)]
    return connected.length > 0 ? connected : held
  }

  #nodeFor(endpoint: Endpoint): EndpointHandle {
    let handle = this.#byAddress.get(endpoint.address)
    if (handle === undefined) {
      handle = new EndpointHandle(endpoint, this.#options.pool, this.#owner, this)
      this.#byAddress.set(endpoint.address, handle)
      this.#made.push(handle)
    }
    handle.endpoint = endpoint
    return handle
  }

  #release(handles: readonly EndpointHandle[]): void {
    const wereHeld = handles.some(handle => this.#vanished.has(handle))
    this.#forget(handles)
    if (wereHeld) {
      this.#candidates = undefined
      this.#options.selector.update?.(this.handles)
    }
    this.#leaving.add(leaving(handles))
  }

  #forget(handles: readonly EndpointHandle[]): void {
    for (const handle of handles) {
      this.#vanished.drop(handle)
      this.#byAddress.delete(handle.endpoint.address)
    }
  }
}

/** A list, and the server of each endpoint: `undefined` if it may not be called, the endpoint itself if a subset is still to be chosen. */
interface List {
  readonly number: number
  readonly endpoints: Endpoints
  readonly servers: (EndpointHandle | Endpoint | undefined)[]
}

function* leaving(handles: readonly EndpointHandle[]): Generator<undefined> {
  for (const handle of handles) {
    handle.leave()
    yield
  }
}

const NONE: readonly EndpointHandle[] = []

/** Lists of up to this size are applied at once. */
const MANY = 1_000
const PING_MS = 10_000
const MAX_BACKOFF_MS = 5_000
// With only one server, reconnecting soon matters more than sparing the server.
const MAX_BACKOFF_ALONE_MS = 1_000
