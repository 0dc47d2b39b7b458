import type { Clock } from '../clock.ts'
import type { CachedList } from './cache-file.ts'
import type { Discovery, Endpoints } from './discovery.ts'
import { Feed } from './feed.ts'
import type { Followed } from './followed-services.ts'

/** One service of another discovery, with the list that was kept of it until that discovery answers. */
export class CachedService implements Followed {
  /** Resolves when it is stopped, or when the other discovery ends. */
  readonly done: Promise<void>
  readonly #clock: Clock
  readonly #service: string
  readonly #inner: Discovery
  readonly feed: Feed
  readonly #stopping = new AbortController()
  /** What is served out of the cache. */
  #served: CachedList | undefined
  /** Why the inner discovery ended, should it not keep what a discovery promises. */
  #error: Error | undefined

  /**
   * @param cached what was kept, read when it is needed
   * @param keep takes each new list
   */
  constructor(
    clock: Clock,
    service: string,
    inner: Discovery,
    cached: () => Promise<CachedList | undefined>,
    keep: (endpoints: Endpoints) => Promise<void>,
  ) {
    this.#clock = clock
    this.#service = service
    this.#inner = inner
    const why = (): Error | undefined => inner.status(service).lastError ?? this.#error
    this.feed = new Feed(clock, `CachedDiscovery: ${service}`, why)
    this.done = this.#follow(cached, keep).catch(error => {
      this.#error = error
    })
  }

  /** What is served out of the cache; `undefined` as soon as there is something newer. */
  get served(): CachedList | undefined {
    return this.#served
  }

  get mayStop(): boolean {
    const { current = [] } = this.feed
    const isFresh = this.#served === undefined && this.#inner.status(this.#service).state === 'fresh'
    return isFresh || current.length === 0
  }

  stop(): void {
    this.#stopping.abort()
    this.feed.close()
  }

  async #follow(
    cached: () => Promise<CachedList | undefined>,
    keep: (endpoints: Endpoints) => Promise<void>,
  ): Promise<void> {
    const { signal } = this.#stopping
    const timer = this.#clock.setTimeout(() => void this.#serve(cached), HEAD_START_MS)
    signal.addEventListener('abort', () => this.#clock.clear(timer), { once: true })
    for await (const endpoints of this.#inner.watch(this.#service, { signal })) {
      this.#clock.clear(timer)
      this.#served = undefined
      this.feed.publish(endpoints)
      await keep(endpoints)
    }
  }

  /** Serves what was kept, if the registry has not answered. An empty list is worth no more than none. */
  async #serve(cached: () => Promise<CachedList | undefined>): Promise<void> {
    const kept = await cached()
    if (kept === undefined || kept.endpoints.length === 0) return
    if (this.feed.current !== undefined || this.#stopping.signal.aborted) return
    this.#served = kept
    this.feed.publish(kept.endpoints)
  }
}

// A registry that is up answers within this, and then no old list is ever shown.
const HEAD_START_MS = 50
