import type { Clock } from '../clock.ts'
import { checkClock } from '../clock.ts'
import type { CallbackEvents } from '../events.ts'
import { Events } from '../events.ts'
import { checkKnown, shown } from '../options.ts'
import type { CachedList } from './cache-file.ts'
import { CacheFile } from './cache-file.ts'
import { CachedService } from './cached-service.ts'
import type { Discovery, DiscoveryStatus, Endpoints, WaitOptions } from './discovery.ts'
import { checkDiscovery } from './discovery.ts'
import { checkNetworks, EntryRules, TCP_NETWORKS } from './entry-rules.ts'
import { FollowedServices } from './followed-services.ts'

/** The options of `CachedDiscovery`. */
export interface CachedDiscoveryOptions {
  /** The path of the file that stores the lists. Use one file per process, in a folder that exists. */
  readonly file: string
  /**
   * The networks that servers in the file may have. Whoever can write the file decides where clients connect. Use the networks of the
   * wrapped discovery.
   * @default ['tcp', 'tcp4', 'tcp6']
   */
  readonly networks?: readonly string[]
  /** Source of time and randomness, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}

/** The events of `CachedDiscovery`. */
export interface CachedDiscoveryEvents extends CallbackEvents {
  /**
   * The discovery ignores the file, because it cannot be read or contains something else. It never overwrites a file that contains
   * something else.
   */
  cacheIgnored: { file: string; error: Error }
  /** The discovery could not write the file. It tries again after the next change. */
  cacheFailed: { file: string; error: Error }
}

/**
 * Stores the lists of another discovery in a file, so that a client can start while its registry is down. Until the registry answers,
 * `status` returns `source: 'cache'`, and `since` is the time of the stored list.
 */
export class CachedDiscovery implements Discovery {
  readonly #clock: Clock
  readonly #inner: Discovery
  readonly #path: string
  readonly #file: CacheFile
  readonly #events: Events<CachedDiscoveryEvents> = new Events('discovery')
  readonly #lists: Promise<Map<string, CachedList>>
  readonly #services: FollowedServices<CachedService>
  /** The `done` promises of services that are not finished, for `close`. */
  readonly #follows = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  #writing: Promise<void> | undefined
  #isStale = false
  #closed: Promise<void> | undefined

  /**
   * @param inner the wrapped discovery, which `close` also closes
   * @param idle as in `RegistryDiscovery`
   * @throws TypeError that names the option
   */
  constructor(inner: Discovery, options: CachedDiscoveryOptions, idle?: { readonly idleMs?: number }) {
    checkDiscovery('CachedDiscovery: the first argument', inner)
    checkKnown('CachedDiscovery', options, OPTIONS)
    const { file, networks = TCP_NETWORKS } = options
    if (typeof file !== 'string' || file === '')
      throw new TypeError(`CachedDiscovery: file is ${shown(file)}, not a path`)
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
    // Does not store empty lists: calls with made-up service names would make the file grow.
    if (endpoints.length > 0) lists.set(service, { at: this.#clock.wallTime(), endpoints })
    else if (!lists.delete(service)) return
    this.#isStale = true
    this.#writing ??= this.#write(lists).finally(() => (this.#writing = undefined))
  }

  /** Writes the file until it is up to date. One write runs at a time, and includes all changes since the previous one. */
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
    // The last change must reach the file.
    await this.#writing
  }
}

// The pause after each write, so that a large list with frequent changes does not keep the disk busy.
const PAUSE_MS = 1_000

const OPTIONS: Readonly<Record<keyof CachedDiscoveryOptions, true>> = {
  file: true,
  networks: true,
  clock: true,
}
