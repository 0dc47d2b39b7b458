import type { CallbackEvents } from '../events.ts'
import { Events } from '../events.ts'
import { sleep } from '../sleep.ts'
import type { CachedList } from './cache-file.ts'
import { CacheFile } from './cache-file.ts'
import type { Discovery, DiscoveryStatus, Endpoints, WaitOptions } from './discovery.ts'
import { Feed } from './feed.ts'

/** Where a `CachedDiscovery` keeps what it knows. */
export interface CachedDiscoveryOptions {
  /** Where the lists are kept: a file of its own, in a folder that exists. */
  readonly file: string
}

/** What a `CachedDiscovery` tells when there is no caller to tell. */
export interface CachedDiscoveryEvents extends CallbackEvents {
  /** The file cannot be read, or holds something else; then that is left as it is. */
  cacheIgnored: { file: string; error: Error }
  /** The lists could not be written; the next change tries again. */
  cacheFailed: { file: string; error: Error }
}

/**
 * Remembers the lists of another discovery in a file, so that a client can start while its registry is down. Until the
 * registry answers, `status` says `source: 'cache'` and since when the list stands.
 */
export class CachedDiscovery implements Discovery {
  readonly #inner: Discovery
  readonly #path: string
  readonly #file: CacheFile
  readonly #events: Events<CachedDiscoveryEvents> = new Events('discovery')
  readonly #lists: Promise<Map<string, CachedList>>
  readonly #feeds = new Map<string, Feed>()
  readonly #follows: Promise<void>[] = []
  /** What is served out of the file, by service. */
  readonly #served = new Map<string, CachedList>()
  readonly #closing = new AbortController()
  #writing: Promise<void> | undefined
  #isStale = false
  /** Why the inner discovery ended, should it not keep what a discovery promises. */
  #error: Error | undefined
  #closed: Promise<void> | undefined

  /**
   * @param inner closed together with this
   * @throws TypeError when `file` is no path
   */
  constructor(inner: Discovery, options: CachedDiscoveryOptions) {
    const { file } = options
    if (typeof file !== 'string' || file === '')
      throw new TypeError(`CachedDiscovery: file is ${JSON.stringify(file)}, not a path`)
    this.#inner = inner
    this.#path = file
    this.#file = new CacheFile(file)
    this.#lists = this.#file.read().catch((error: Error) => {
      this.#events.emit('cacheIgnored', { file, error })
      return new Map()
    })
  }

  on<Name extends keyof CachedDiscoveryEvents>(
    event: Name,
    listener: (detail: CachedDiscoveryEvents[Name]) => void,
  ): this {
    this.#events.on(event, listener)
    return this
  }

  off<Name extends keyof CachedDiscoveryEvents>(
    event: Name,
    listener: (detail: CachedDiscoveryEvents[Name]) => void,
  ): this {
    this.#events.off(event, listener)
    return this
  }

  list(service: string, options?: WaitOptions): Promise<Endpoints> {
    return this.#feed(service).list(options)
  }

  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints> {
    return this.#feed(service).watch(options)
  }

  status(service: string): DiscoveryStatus {
    const status = this.#inner.status(service)
    const cached = this.#served.get(service)
    if (cached === undefined || status.state === 'closed') return status
    return { state: 'stale', since: cached.at, source: 'cache', lastError: status.lastError }
  }

  verify(service: string, address: string): void {
    this.#inner.verify?.(service, address)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #feed(service: string): Feed {
    let feed = this.#feeds.get(service)
    if (feed === undefined) {
      feed = new Feed(
        `CachedDiscovery: ${service}`,
        () => this.#inner.status(service).lastError ?? this.#error,
      )
      this.#feeds.set(service, feed)
      if (this.#closing.signal.aborted) feed.close()
      else this.#follows.push(this.#follow(service, feed).catch(error => (this.#error = error)))
    }
    return feed
  }

  async #follow(service: string, feed: Feed): Promise<void> {
    const { signal } = this.#closing
    const timer = setTimeout(() => void this.#serve(service, feed), HEAD_START_MS)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    for await (const endpoints of this.#inner.watch(service, { signal })) {
      clearTimeout(timer)
      this.#served.delete(service)
      feed.publish(endpoints)
      await this.#keep(service, endpoints)
    }
  }

  /** Serves what the file has, if the registry has not answered. An empty list is worth no more than none. */
  async #serve(service: string, feed: Feed): Promise<void> {
    const cached = (await this.#lists).get(service)
    const { signal } = this.#closing
    if (cached === undefined || cached.endpoints.length === 0) return
    if (feed.current !== undefined || signal.aborted) return
    this.#served.set(service, cached)
    feed.publish(cached.endpoints)
  }

  async #keep(service: string, endpoints: Endpoints): Promise<void> {
    const lists = await this.#lists
    lists.set(service, { at: Date.now(), endpoints })
    this.#isStale = true
    this.#writing ??= this.#write(lists).finally(() => (this.#writing = undefined))
  }

  /** One writing at a time, each with all that changed since the one before. */
  async #write(lists: ReadonlyMap<string, CachedList>): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false
      try {
        await this.#file.write(lists)
      } catch (error) {
        this.#events.emit('cacheFailed', { file: this.#path, error: error as Error })
      }
      await sleep(PAUSE_MS, this.#closing.signal)
    }
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    for (const feed of this.#feeds.values()) feed.close()
    await Promise.all([this.#inner.close(), this.#lists, ...this.#follows])
    // What came last is kept, too.
    await this.#writing
  }
}

// A registry that is up answers within this, and then no old list is ever shown.
const HEAD_START_MS = 50

// A large fleet that changes all the time must not keep the disk busy.
const PAUSE_MS = 1_000
