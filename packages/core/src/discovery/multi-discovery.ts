import type { Clock, ClockOption, Timer } from '../clock.ts'
import { checkClockOption } from '../clock.ts'
import { shown } from '../options.ts'
import type { Discovery, DiscoveryStatus, Endpoint, Endpoints, WaitOptions } from './discovery.ts'
import { byAddress, checkDiscovery } from './discovery.ts'
import { Feed } from './feed.ts'
import type { Followed } from './followed-services.ts'
import { FollowedServices } from './followed-services.ts'

/**
 * Combines several registries, for example to move servers from one registry to another. When several registries list an address, the first
 * one takes precedence. The first list arrives when all registries have answered, or 1 s after the first list that is not empty.
 */
export class MultiDiscovery implements Discovery {
  readonly #discoveries: readonly Discovery[]
  readonly #unions: FollowedServices<Union>
  #closed: Promise<void> | undefined

  /**
   * @param discoveries the registries, in order of precedence, which `close` also closes
   * @param idle as in `RegistryDiscovery`
   * @throws TypeError when `discoveries` is empty
   */
  constructor(
    discoveries: readonly Discovery[],
    options: ClockOption = {},
    idle?: { readonly idleMs?: number },
  ) {
    if (!Array.isArray(discoveries))
      throw new TypeError(`MultiDiscovery: discoveries is ${shown(discoveries)}, not a list of discoveries`)
    if (discoveries.length === 0) throw new TypeError('MultiDiscovery: discoveries is empty')
    for (const [i, discovery] of discoveries.entries())
      checkDiscovery(`MultiDiscovery: discoveries[${i}]`, discovery)
    this.#discoveries = [...discoveries]
    const clock = checkClockOption('MultiDiscovery', options)
    this.#unions = new FollowedServices(clock, service => new Union(clock, service, this.#discoveries), idle)
  }

  list(service: string, options?: WaitOptions): Promise<Endpoints> {
    return this.#unions.list(service, options)
  }

  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints> {
    return this.#unions.watch(service, options)
  }

  /** Returns the status of the registry in the worst state: `closed`, then `stale`, `waiting`, `idle` and `fresh`. */
  status(service: string): DiscoveryStatus {
    const all = this.#discoveries.map(discovery => discovery.status(service))
    return all.reduce((worst, status) => (RANK[status.state] > RANK[worst.state] ? status : worst))
  }

  verify(service: string, address: string): void {
    for (const discovery of this.#discoveries) discovery.verify?.(service, address)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#unions.close()
    await Promise.all(this.#discoveries.map(discovery => discovery.close()))
  }
}

const RANK: Record<DiscoveryStatus['state'], number> = { fresh: 0, idle: 1, waiting: 2, stale: 3, closed: 4 }

/** The combined list of one service. */
class Union implements Followed {
  readonly #clock: Clock
  readonly #service: string
  readonly #discoveries: readonly Discovery[]
  readonly feed: Feed
  readonly #stopping = new AbortController()
  /** The list of each registry; `undefined` until it has answered. */
  readonly #lists: (Endpoints | undefined)[]
  /** The error of a discovery whose `watch` rejects, although it should not. */
  #error: Error | undefined
  #timer: Timer | undefined

  constructor(clock: Clock, service: string, discoveries: readonly Discovery[]) {
    this.#clock = clock
    const lastError = (): Error | undefined =>
      discoveries.map(discovery => discovery.status(service).lastError).find(error => error !== undefined) ??
      this.#error
    this.#service = service
    this.#discoveries = discoveries
    this.feed = new Feed(clock, `MultiDiscovery: ${service}`, lastError)
    this.#lists = discoveries.map(() => undefined)
    const { signal } = this.#stopping
    discoveries.forEach((discovery, i) => {
      this.#follow(i, discovery.watch(service, { signal })).catch(error => (this.#error = error))
    })
  }

  get mayStop(): boolean {
    const { current = [] } = this.feed
    const isFresh = this.#discoveries.every(one => one.status(this.#service).state === 'fresh')
    return isFresh || current.length === 0
  }

  stop(): void {
    this.#clock.clear(this.#timer)
    this.#stopping.abort()
    this.feed.close()
  }

  async #follow(i: number, lists: AsyncIterable<Endpoints>): Promise<void> {
    // The loop ends when someone else closes this discovery. Its last list stays in use.
    for await (const endpoints of lists) {
      if (this.#stopping.signal.aborted) return
      this.#lists[i] = endpoints
      this.#listed(endpoints)
    }
  }

  #listed(endpoints: Endpoints): void {
    const isComplete = this.feed.current !== undefined || this.#lists.every(list => list !== undefined)
    if (isComplete) this.#publish()
    // A registry that is down must not hide the servers of the others.
    else if (endpoints.length > 0)
      this.#timer ??= this.#clock.setTimeout(() => this.#publish(), FIRST_MS).unref()
  }

  #publish(): void {
    this.#clock.clear(this.#timer)
    const union = new Map<string, Endpoint>()
    for (const list of this.#lists) {
      for (const endpoint of list ?? []) {
        if (!union.has(endpoint.address)) union.set(endpoint.address, endpoint)
      }
    }
    this.feed.publish(Object.freeze([...union.values()].sort(byAddress)))
  }
}

const FIRST_MS = 1_000
