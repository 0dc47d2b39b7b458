import type { CallbackEvents, Events } from '../events.ts'
import type { DiscoveryStatus, Endpoint, Endpoints } from './discovery.ts'
import type { DiscoveryDriver, DiscoverySession, Replica } from './driver.ts'
import type { EntryRules } from './entry-rules.ts'
import { isServiceName } from './entry-rules.ts'
import { Feed } from './feed.ts'
import type { Followed } from './followed-services.ts'
import type { RegistryConnection } from './registry-connection.ts'
import type { ReplicaOwner } from './replica.ts'
import { ServiceReplica } from './replica.ts'

/** The events of a discovery. */
export interface DiscoveryEvents extends CallbackEvents {
  /** The registry does not answer. The discovery keeps its last lists. */
  registryDown: { registry: string; error: Error }
  registryBack: { registry: string }
  endpointAdded: { service: string; endpoint: Endpoint }
  endpointChanged: { service: string; endpoint: Endpoint; before: Endpoint }
  endpointRemoved: { service: string; endpoint: Endpoint }
  /** The registry holds an entry that clients must not call. Emitted once per address, for at most 1000 addresses. */
  entryIgnored: { service: string; address: string; error: Error }
  /** The metadata of a server are not a valid query string. Clients can call the server, but it has no group, weight or state, as in Go. */
  metadataIgnored: { service: string; endpoint: Endpoint }
}

export interface FollowerOptions {
  /** How often to read the whole list again, in milliseconds. */
  readonly resyncMs: number
  /** The rules that decide which entries are listed. */
  readonly rules: EntryRules
}

/** Keeps the list of one service up to date with a registry, through all failures of the registry. */
export class Follower implements Followed, ReplicaOwner {
  readonly #service: string
  readonly #connection: RegistryConnection<DiscoveryDriver>
  readonly #events: Events<DiscoveryEvents>
  readonly #options: FollowerOptions
  readonly #stopping = new AbortController()
  readonly feed: Feed
  readonly #replica: ServiceReplica
  /** All watches that have not ended, in the order in which they began. */
  readonly #runs = new Set<AbortController>()
  /** The watch whose changes count. */
  #active: AbortController | undefined
  #state: 'waiting' | 'fresh' | 'stale' = 'waiting'
  #since: number

  constructor(
    service: string,
    connection: RegistryConnection<DiscoveryDriver>,
    events: Events<DiscoveryEvents>,
    options: FollowerOptions,
  ) {
    this.#service = service
    this.#connection = connection
    this.#events = events
    this.#options = options
    const { clock } = connection
    this.#since = clock.wallTime()
    this.#replica = new ServiceReplica(clock, this, options.rules)
    this.feed = new Feed(clock, `${connection.driver.name}: ${service}`, () => connection.lastError)
    if (isServiceName(service)) void this.#run()
    // Nobody can register a service with this name.
    else this.#listNothing()
  }

  status(): DiscoveryStatus {
    return {
      state: this.#state,
      since: this.#since,
      source: 'registry',
      lastError: this.#connection.lastError,
    }
  }

  /** Whether the list can be read again. `false` while the registry is unreachable. */
  get mayStop(): boolean {
    const { current = [] } = this.feed
    return this.#state !== 'stale' || current.length === 0
  }

  stop(): void {
    this.#stopping.abort()
    this.#connection.left(this)
    this.#active = undefined
    for (const run of this.#runs) run.abort()
    this.#replica.stop()
    this.feed.close()
  }

  published(endpoints: Endpoints): void {
    this.feed.publish(endpoints)
  }
  added(endpoint: Endpoint): void {
    this.#events.emit('endpointAdded', { service: this.#service, endpoint })
  }
  changed(endpoint: Endpoint, before: Endpoint): void {
    this.#events.emit('endpointChanged', { service: this.#service, endpoint, before })
  }
  removed(endpoint: Endpoint): void {
    this.#events.emit('endpointRemoved', { service: this.#service, endpoint })
  }
  ignored(address: string, error: Error): void {
    this.#events.emit('entryIgnored', { service: this.#service, address, error })
  }

  unreadable(endpoint: Endpoint): void {
    this.#events.emit('metadataIgnored', { service: this.#service, endpoint })
  }

  #listNothing(): void {
    this.#replica.replace([])
    this.#enter('fresh')
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const resync = new AbortController()
      try {
        const session = await this.#connection.session()
        if (signal.aborted) return
        // A resync starts a second watch. The first one continues until the second has its list.
        const over = this.#connection.clock.sleep(this.#options.resyncMs, resync.signal)
        await Promise.race([this.#follow(session), over])
      } catch (error) {
        if (signal.aborted) return
        this.#connection.failed(error as Error, this)
        await this.#connection.backoff.wait(error, signal)
      } finally {
        resync.abort()
      }
    }
  }

  /**
   * Watches the service and never resolves. Rejects when the session ends, when the driver can no longer guarantee the list, or when a
   * newer watch replaces this one.
   */
  async #follow(session: DiscoverySession): Promise<never> {
    const run = new AbortController()
    this.#runs.add(run)
    // The driver may be slow to stop, or may not report that its session has ended.
    let forget: () => void = () => {}
    const over = new Promise<never>((_resolve, reject) => {
      forget = this.#connection.whenEnded(session, reject)
      run.signal.addEventListener('abort', () => reject(run.signal.reason), { once: true })
    })
    try {
      await Promise.race([session.watchService(this.#service, this.#into(run), run.signal), over])
      throw new Error(`${this.#connection.driver.name}: stopped to follow ${this.#service}`)
    } finally {
      forget()
      this.#runs.delete(run)
      if (this.#active === run) {
        this.#active = undefined
        this.#enter('stale')
      }
      run.abort()
    }
  }

  #into(run: AbortController): Replica {
    return {
      replace: all => {
        if (run.signal.aborted) return
        this.#active = run
        for (const older of this.#runs) {
          if (older === run) break
          older.abort()
        }
        this.#replica.replace(all)
        this.#connection.succeeded(this)
        this.#enter('fresh')
      },
      put: (address, metadata) => {
        if (this.#active === run) this.#replica.put(address, metadata)
      },
      remove: address => {
        if (this.#active === run) this.#replica.remove(address)
      },
      ignore: (address, error) => {
        if (!run.signal.aborted) this.#replica.ignore(address, error)
      },
    }
  }

  #enter(state: 'fresh' | 'stale'): void {
    if (this.#state === state) return
    this.#state = state
    this.#since = this.#connection.clock.wallTime()
  }
}
