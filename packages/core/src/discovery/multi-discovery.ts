import type { Discovery, DiscoveryStatus, Endpoint, Endpoints, WaitOptions } from './discovery.ts'
import { byAddress } from './discovery.ts'
import { Feed } from './feed.ts'

/**
 * Several registries as one: the way to move a fleet from one to another. An address that several hold is taken from the
 * first. The first list comes when all have answered, or 1 s after the first that is not empty.
 */
export class MultiDiscovery implements Discovery {
  readonly #discoveries: readonly Discovery[]
  readonly #unions = new Map<string, Union>()
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  /**
   * @param discoveries closed together with this
   * @throws TypeError when there is none
   */
  constructor(discoveries: readonly Discovery[]) {
    if (discoveries.length === 0) throw new TypeError('MultiDiscovery: discoveries is empty')
    this.#discoveries = [...discoveries]
  }

  list(service: string, options?: WaitOptions): Promise<Endpoints> {
    return this.#union(service).feed.list(options)
  }

  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints> {
    return this.#union(service).feed.watch(options)
  }

  /** The state of the registry that needs attention most, and where that one's list comes from. */
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

  #union(service: string): Union {
    let union = this.#unions.get(service)
    if (union === undefined) {
      union = new Union(service, this.#discoveries, this.#closing.signal)
      this.#unions.set(service, union)
    }
    return union
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#discoveries.map(discovery => discovery.close()))
  }
}

const RANK: Record<DiscoveryStatus['state'], number> = { fresh: 0, idle: 1, waiting: 2, stale: 3, closed: 4 }

/** What all registries together know of one service. */
class Union {
  readonly feed: Feed
  /** By registry; `undefined` until it has answered. */
  readonly #lists: (Endpoints | undefined)[]
  /** Why one of them ended, should it not keep what a discovery promises. */
  #error: Error | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(service: string, discoveries: readonly Discovery[], signal: AbortSignal) {
    const lastError = (): Error | undefined =>
      discoveries.map(discovery => discovery.status(service).lastError).find(error => error !== undefined) ??
      this.#error
    this.feed = new Feed(`MultiDiscovery: ${service}`, lastError)
    this.#lists = discoveries.map(() => undefined)
    const close = (): void => {
      clearTimeout(this.#timer)
      this.feed.close()
    }
    if (signal.aborted) close()
    else signal.addEventListener('abort', close, { once: true })
    discoveries.forEach((discovery, i) => {
      this.#follow(i, discovery.watch(service, { signal })).catch(error => (this.#error = error))
    })
  }

  async #follow(i: number, lists: AsyncIterable<Endpoints>): Promise<void> {
    // Ends when that registry is closed by someone else; its last list stands.
    for await (const endpoints of lists) {
      this.#lists[i] = endpoints
      this.#listed(endpoints)
    }
  }

  #listed(endpoints: Endpoints): void {
    const isComplete = this.feed.current !== undefined || this.#lists.every(list => list !== undefined)
    if (isComplete) this.#publish()
    // A registry that is down must not keep us from the servers of the others.
    else if (endpoints.length > 0) this.#timer ??= setTimeout(() => this.#publish(), FIRST_MS).unref()
  }

  #publish(): void {
    clearTimeout(this.#timer)
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
