import type { Clock } from '../clock.ts'
import { checkClock } from '../clock.ts'
import type { CallbackEvents } from '../events.ts'
import { Events } from '../events.ts'
import type { CachedList } from './cache-file.ts'
import { CacheFile } from './cache-file.ts'
import { CachedService } from './cached-service.ts'
import type { Discovery, DiscoveryStatus, Endpoints, WaitOptions } from './discovery.ts'
import { checkNetworks, EntryRules, TCP_NETWORKS } from './entry-rules.ts'
import { FollowedServices } from './followed-services.ts'

/** Where a `CachedDiscovery` keeps what it knows. */
export interface CachedDiscoveryOptions {
  /** Where the lists are kept: a file of its own, in a folder that exists. */
  readonly file: string
  /**
   * The networks of servers that are served out of the file: whoever can write it decides where clients connect to. Should be those
   * of the other discovery. @default ['tcp', 'tcp4', 'tcp6']
   */
  readonly networks?: readonly string[]
  /** Source of time and randomness, for tests and simulations. @default Node's own */
  readonly clock?: Clock
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
  readonly #clock: Clock
  readonly #inner: Discovery
  readonly #path: string
  readonly #file: CacheFile
  readonly #events: Events<CachedDiscoveryEvents> = new Events('discovery')
  readonly #lists: Promise<Map<string, CachedList>>
  readonly #services: FollowedServices<CachedService>
  /** Those of them that have not ended. */
  readonly #follows = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  #writing: Promise<void> | undefined
  #isStale = false
  #closed: Promise<void> | undefined

  /**
   * @param inner closed together with this
   * @param idle as of `RegistryDiscovery`
   * @throws TypeError that names the option
   */
  constructor(inner: Discovery, options: CachedDiscoveryOptions, idle?: { readonly idleMs?: number }) {
    const { file, networks = TCP_NETWORKS } = options
    if (typeof file !== 'string' || file === '')
      throw new TypeError(`CachedDiscovery: file is ${JSON.stringify(file)}, not a path`)
    const clock = checkClock('CachedDiscovery', options.clock)
    this.#clock = clock
    this.#inner = inner
    this.#path = file
    this.#file = new CacheFile(clock, file, new EntryRules(checkNetworks('CachedDiscovery', networks)))
    this.#services = new FollowedServices(clock, service => this.#follow(service), idle)
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
    return this.#services.list(service, options)
  }

  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints> {
    return this.#services.watch(service, options)
  }

  status(service: string): DiscoveryStatus {
    const status = this.#inner.status(service)
    const cached = this.#services.get(service)?.served
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

  #follow(service: string): CachedService {
    const cached = async (): Promise<CachedList | undefined> => (await this.#lists).get(service)
    const keep = (list: Endpoints): Promise<void> => this.#keep(service, list)
    const followed = new CachedService(this.#clock, service, this.#inner, cached, keep)
    const done = followed.done.finally(() => this.#follows.delete(done))
    this.#follows.add(done)
    return followed
  }

  async #keep(service: string, endpoints: Endpoints): Promise<void> {
    const lists = await this.#lists
    // An empty list is not worth a line: who asks for invented names would make the file grow.
    if (endpoints.length > 0) lists.set(service, { at: this.#clock.wallTime(), endpoints })
    else if (!lists.delete(service)) return
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
      await this.#clock.sleep(PAUSE_MS, this.#closing.signal)
    }
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#services.close()
    await Promise.all([this.#inner.close(), this.#lists, ...this.#follows])
    // What came last is kept, too.
    await this.#writing
  }
}

// A large fleet that changes all the time must not keep the disk busy.
const PAUSE_MS = 1_000
