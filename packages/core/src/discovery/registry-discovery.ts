import type { Clock } from '../clock.ts'
import { checkClock } from '../clock.ts'
import { Events } from '../events.ts'
import { checkMs } from '../options.ts'
import type { Discovery, DiscoveryStatus, Endpoints, WaitOptions } from './discovery.ts'
import type { DiscoveryDriver, Driver } from './driver.ts'
import { checkNetworks, EntryRules, TCP_NETWORKS } from './entry-rules.ts'
import { FollowedServices } from './followed-services.ts'
import type { DiscoveryEvents } from './follower.ts'
import { Follower } from './follower.ts'
import { RegistryConnection } from './registry-connection.ts'

/** The options of every discovery that has a registry. */
export interface RegistryDiscoveryOptions {
  /** How often the discovery reads the whole list again, in milliseconds, in case it missed a change. @default 300_000 */
  readonly resyncMs?: number
  /**
   * The accepted networks, which are the part of an address before `@`. The discovery ignores other entries, with the event `entryIgnored`.
   * A registry decides where clients connect and send their token; with `unix` in this list, that includes sockets of their own host.
   * @default ['tcp', 'tcp4', 'tcp6']
   */
  readonly networks?: readonly string[]
  /** Source of time and randomness, for tests and simulations. @default Node's own */
  readonly clock?: Clock
}

/**
 * The discovery of every backend. Its driver watches a registry; this class keeps the lists during failures. It stops watching a service
 * that nobody used for a minute, until somebody uses it again.
 */
export class RegistryDiscovery implements Discovery {
  readonly #connection: RegistryConnection<DiscoveryDriver>
  readonly #events: Events<DiscoveryEvents>
  readonly #followers: FollowedServices<Follower>
  readonly #opened: number
  #closed: Promise<void> | undefined

  /**
   * @param idle how long to watch an unused service, 60_000 by default; only tests change it
   * @throws TypeError or RangeError that names the option
   */
  constructor(
    driver: DiscoveryDriver,
    options: RegistryDiscoveryOptions = {},
    idle?: { readonly idleMs?: number },
  ) {
    const { resyncMs = 300_000, networks = networksOf(driver) } = options
    const registry = driver.name
    const who = `${registry} discovery`
    checkMs(who, 'resyncMs', resyncMs, 1_000)
    const clock = checkClock(who, options.clock)
    this.#opened = clock.wallTime()
    const rules = new EntryRules(checkNetworks(who, networks))
    this.#events = new Events('discovery')
    const follow = (service: string): Follower =>
      new Follower(service, this.#connection, this.#events, { resyncMs, rules })
    this.#followers = new FollowedServices(clock, follow, idle)
    const owner = {
      registryDown: (error: Error) => this.#events.emit('registryDown', { registry, error }),
      registryBack: () => this.#events.emit('registryBack', { registry }),
    }
    this.#connection = new RegistryConnection(driver, owner, clock)
  }

  on<Name extends keyof DiscoveryEvents>(
    event: Name,
    listener: (detail: DiscoveryEvents[Name]) => void,
  ): this {
    this.#events.on(event, listener)
    return this
  }

  off<Name extends keyof DiscoveryEvents>(
    event: Name,
    listener: (detail: DiscoveryEvents[Name]) => void,
  ): this {
    this.#events.off(event, listener)
    return this
  }

  list(service: string, options?: WaitOptions): Promise<Endpoints> {
    return this.#followers.list(service, options)
  }

  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints> {
    return this.#followers.watch(service, options)
  }

  status(service: string): DiscoveryStatus {
    const { lastError } = this.#connection
    if (this.#closed !== undefined)
      return { state: 'closed', since: this.#opened, source: 'registry', lastError }
    const follower = this.#followers.get(service)
    return follower?.status() ?? { state: 'idle', since: this.#opened, source: 'registry', lastError }
  }

  verify(service: string, address: string): void {
    this.#connection.opened?.verify?.(service, address)
  }

  /** Ends every `list` and `watch`, and closes the session. Takes at most 5 s, even when the registry is unreachable. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#followers.close()
    await this.#connection.close()
  }
}

function networksOf(driver: DiscoveryDriver | Driver): readonly string[] {
  return 'traits' in driver ? (driver.traits.networks ?? TCP_NETWORKS) : TCP_NETWORKS
}
