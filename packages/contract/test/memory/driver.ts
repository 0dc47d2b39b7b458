import { setMaxListeners } from 'node:events'
import type { Driver, DriverTraits, Entry, RegistrySession, Replica, StoredEntry } from '@rpcx/core'
import { Lease, TTL_MS } from './lease.ts'
import type { MemoryRegistry, Watcher } from './registry.ts'

/** A correct driver, which keeps all laws. The broken drivers are made from it. */
export class MemoryDriver implements Driver {
  readonly name = 'memory'
  readonly traits: DriverTraits = { crash: 'ttl', edits: true, publishes: 'listening' }
  readonly #registry: MemoryRegistry
  /** The leases of sessions that were closed: what they left does not belong to another server. */
  readonly #earlier = new WeakSet<Lease>()

  constructor(registry: MemoryRegistry) {
    this.#registry = registry
  }

  check(): void {}

  async open(): Promise<RegistrySession> {
    await this.#registry.trip()
    return new MemorySession(this.#registry, this.#earlier)
  }
}

class MemorySession implements RegistrySession {
  readonly ttlMs = TTL_MS
  readonly ended: Promise<Error>
  readonly #registry: MemoryRegistry
  readonly #lease: Lease
  readonly #earlier: WeakSet<Lease>
  readonly #closing = new AbortController()
  readonly #heartbeat: NodeJS.Timeout
  #end: (reason: Error) => void = () => {}

  constructor(registry: MemoryRegistry, earlier: WeakSet<Lease>) {
    this.#registry = registry
    this.#lease = new Lease(registry)
    this.#earlier = earlier
    this.ended = new Promise(resolve => (this.#end = resolve))
    // Each watch adds a listener.
    setMaxListeners(0, this.#closing.signal)
    this.#heartbeat = setInterval(() => this.#beat(), TTL_MS / 5).unref()
  }

  watchService(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    const begin = (): void => into.replace(this.#registry.list(service))
    return this.#watch(service, into, begin, signal)
  }

  watchEntry(
    service: string,
    address: string,
    saw: (stored: StoredEntry | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#registry.directories.add(service)
    const changed = (at: string): void => {
      if (at !== address) return
      // Reports the reason of a loss before the loss.
      if (this.#lease.isOver) this.#over()
      saw(this.#stored(service, address))
    }
    return this.#watch(service, { put: changed, remove: changed }, () => changed(address), signal)
  }

  async write(
    { service, address, metadata }: Entry,
    over: StoredEntry | undefined,
  ): Promise<bigint | undefined> {
    await this.#registry.trip()
    if (this.#lease.isOver) throw new Error('the lease is over')
    if (this.#registry.get(service, address)?.version !== over?.version) return undefined
    return this.#registry.put(service, address, metadata, this.#lease)
  }

  async remove(service: string, address: string): Promise<void> {
    await this.#registry.trip()
    if (this.#registry.get(service, address)?.lease === this.#lease) this.#registry.remove(service, address)
  }

  async close(): Promise<void> {
    this.#earlier.add(this.#lease)
    clearInterval(this.#heartbeat)
    this.#closing.abort()
    await this.#registry.trip()
    this.#lease.end()
  }

  async #watch(
    service: string,
    told: Omit<Watcher, 'cut'>,
    begin: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#registry.trip()
    if (signal.aborted) return
    await new Promise<void>((resolve, reject) => {
      const end = (error?: Error): void => {
        this.#registry.watchers.delete(watcher)
        if (error === undefined) resolve()
        else reject(error)
      }
      const watcher: Watcher = {
        put: (...entry) => told.put(...entry),
        remove: address => told.remove(address),
        cut: end,
      }
      signal.addEventListener('abort', () => end(), { once: true })
      this.#closing.signal.addEventListener('abort', () => end(new Error('closed')), { once: true })
      this.#registry.watchers.set(watcher, service)
      begin()
    })
  }

  #stored(service: string, address: string): StoredEntry | undefined {
    const found = this.#registry.get(service, address)
    if (found === undefined) return undefined
    const { metadata, version, lease } = found
    if (lease === undefined) return { metadata, version, by: 'nobody' }
    if (lease === this.#lease) return { metadata, version, by: 'us' }
    if (this.#earlier.has(lease)) return { metadata, version, by: 'earlier' }
    return { metadata, version, by: lease.isServers ? 'other' : 'editor' }
  }

  #beat(): void {
    if (!this.#registry.isUp) return
    if (this.#lease.isOver) this.#over()
    else this.#lease.keepAlive()
  }

  #over(): void {
    clearInterval(this.#heartbeat)
    this.#end(new Error('the lease is over'))
  }
}
