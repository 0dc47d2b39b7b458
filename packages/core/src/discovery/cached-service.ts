import type { Clock } from '../clock.ts'
import type { CachedList } from './cache-file.ts'
import type { Discovery, Endpoints } from './discovery.ts'
import { Feed } from './feed.ts'
import type { Followed } from './followed-services.ts'

/** Watches one service of another discovery. Provides the stored list until that discovery answers. */
export class CachedService implements Followed {
  /** Resolves after `stop()`, or when the wrapped discovery ends. */
  readonly done: Promise<void>
  readonly #clock: Clock
  readonly #service: string
  readonly #inner: Discovery
  readonly feed: Feed
  readonly #stopping = new AbortController()
  /** The stored list, while it is in use. */
  #served: CachedList | undefined
  /** The error of a wrapped discovery whose `watch` rejects, although it should not. */
  #error: Error | undefined

  /**
   * @param cached reads the stored list
   * @param keep stores each new list
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

  /** The stored list, while it is in use; `undefined` once the wrapped discovery has answered. */
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

  /** Publishes the stored list, unless the wrapped discovery has answered. Ignores an empty list. */
  async #serve(cached: () => Promise<CachedList | undefined>): Promise<void> {
    const kept = await cached()
    if (kept === undefined || kept.endpoints.length === 0) return
    if (this.feed.current !== undefined || this.#stopping.signal.aborted) return
    this.#served = kept
    this.feed.publish(kept.endpoints)
  }
}

// A registry that is up answers within this time. Clients then never see an old list.
const HEAD_START_MS = 50
