import { Events } from '../events.ts'
import { checkMs } from '../options.ts'
import type { Discovery, DiscoveryStatus, Endpoints, WaitOptions } from './discovery.ts'
import type { Finder } from './driver.ts'
import type { DiscoveryEvents } from './follower.ts'
import { Follower } from './follower.ts'
import { Uplink } from './uplink.ts'

/** The options of every discovery that has a registry. */
export interface RegistryDiscoveryOptions {
  /** How often a list is read again as a whole, should ever a change be missed. @default 300_000 */
  readonly resyncMs?: number
}

/** The discovery of every backend: its driver follows a registry, this keeps the lists through whatever happens. */
export class RegistryDiscovery implements Discovery {
  readonly #uplink: Uplink<Finder>
  readonly #events: Events<DiscoveryEvents>
  readonly #resyncMs: number
  readonly #followers = new Map<string, Follower>()
  readonly #opened = Date.now()
  #closed: Promise<void> | undefined

  constructor(driver: Finder, options: RegistryDiscoveryOptions = {}) {
    const { resyncMs = 300_000 } = options
    const registry = driver.name
    this.#resyncMs = checkMs(`${registry} discovery`, 'resyncMs', resyncMs, 1_000)
    this.#events = new Events('discovery')
    this.#uplink = new Uplink(driver, {
      registryDown: error => this.#events.emit('registryDown', { registry, error }),
      registryBack: () => this.#events.emit('registryBack', { registry }),
    })
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
    return this.#follower(service).list(options)
  }

  watch(service: string, options?: WaitOptions): AsyncIterable<Endpoints> {
    return this.#follower(service).watch(options)
  }

  status(service: string): DiscoveryStatus {
    const { lastError } = this.#uplink
    if (this.#closed !== undefined)
      return { state: 'closed', since: this.#opened, source: 'registry', lastError }
    const follower = this.#followers.get(service)
    return follower?.status() ?? { state: 'idle', since: this.#opened, source: 'registry', lastError }
  }

  verify(service: string, address: string): void {
    this.#uplink.opened?.verify?.(service, address)
  }

  /** Ends all loops and the session. Takes 5 s at most, also when the registry is out of reach. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #follower(service: string): Follower {
    let follower = this.#followers.get(service)
    if (follower === undefined) {
      follower = new Follower(service, this.#uplink, this.#events, { resyncMs: this.#resyncMs })
      if (this.#closed === undefined) this.#followers.set(service, follower)
      else follower.stop()
    }
    return follower
  }

  async #close(): Promise<void> {
    for (const follower of this.#followers.values()) follower.stop()
    this.#followers.clear()
    await this.#uplink.close()
  }
}
