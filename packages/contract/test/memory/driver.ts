import type { Announcement, Driver, DriverTraits, Entry, Holder, Replica, Session } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import { Lease, TTL_MS } from './lease.ts'
import type { Keeper, MemoryRegistry, Watcher } from './registry.ts'

/** An honest driver, for the laws to pass and for broken ones to be made of. */
export class MemoryDriver implements Driver {
  readonly name = 'memory'
  readonly traits: DriverTraits = { crash: 'ttl', edits: true, publishes: 'listening' }
  readonly #registry: MemoryRegistry
  /** The leases that were ours: what they left is not a stranger's. */
  readonly #ours = new WeakSet<Lease>()

  constructor(registry: MemoryRegistry) {
    this.#registry = registry
  }

  check(): void {}

  async open(): Promise<Session> {
    await this.#registry.trip()
    const lease = new Lease(this.#registry)
    this.#ours.add(lease)
    return new MemorySession(this.#registry, lease, this.#ours)
  }
}

class MemorySession implements Session {
  readonly ttlMs = TTL_MS
  readonly ended: Promise<Error>
  readonly #registry: MemoryRegistry
  readonly #lease: Lease
  readonly #ours: WeakSet<Lease>
  readonly #held = new Set<MemoryAnnouncement>()
  readonly #closing = new AbortController()
  readonly #heartbeat: NodeJS.Timeout
  #end: (reason: Error) => void = () => {}

  constructor(registry: MemoryRegistry, lease: Lease, ours: WeakSet<Lease>) {
    this.#registry = registry
    this.#lease = lease
    this.#ours = ours
    this.ended = new Promise(resolve => (this.#end = resolve))
    this.#heartbeat = setInterval(() => this.#beat(), TTL_MS / 5).unref()
  }

  async follow(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    await this.#registry.trip()
    if (signal.aborted) return
    await new Promise<void>((resolve, reject) => {
      const end = (error?: Error): void => {
        this.#registry.watchers.delete(watcher)
        if (error === undefined) resolve()
        else reject(error)
      }
      const watcher: Watcher = {
        put: (...entry) => into.put(...entry),
        remove: address => into.remove(address),
        cut: end,
      }
      signal.addEventListener('abort', () => end(), { once: true })
      this.#closing.signal.addEventListener('abort', () => end(new Error('closed')), { once: true })
      this.#registry.watchers.set(watcher, service)
      into.replace(this.#registry.list(service))
    })
  }

  async announce(entry: Entry, mode: 'claim' | 'restore', holder: Holder): Promise<Announcement> {
    await this.#registry.trip()
    if (this.#lease.isOver) throw new Error('the lease is over')
    const found = this.#registry.get(entry.service, entry.address)
    const isOurs = found?.keeper !== undefined && this.#ours.has(found.keeper.lease)
    if (mode === 'restore' && found !== undefined && !isOurs) {
      throw new RpcxError('ERR_RPCX_CONFLICT', `memory: ${entry.service} at ${entry.address} is another's`)
    }
    const announcement = new MemoryAnnouncement(this.#registry, this.#lease, entry, holder, () =>
      this.#held.delete(announcement),
    )
    this.#held.add(announcement)
    return announcement
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat)
    this.#closing.abort()
    await this.#registry.trip()
    this.#held.clear()
    this.#lease.end()
  }

  #beat(): void {
    if (!this.#registry.isUp) return
    if (this.#lease.isOver) {
      clearInterval(this.#heartbeat)
      this.#closing.abort()
      this.#end(new Error('the lease is over'))
      return
    }
    this.#lease.keepAlive()
    for (const announcement of this.#held) announcement.look()
  }
}

class MemoryAnnouncement implements Announcement, Keeper {
  readonly lease: Lease
  readonly #registry: MemoryRegistry
  readonly #entry: Entry
  readonly #holder: Holder
  readonly #ended: () => void
  #known: string
  #isOver = false

  constructor(registry: MemoryRegistry, lease: Lease, entry: Entry, holder: Holder, ended: () => void) {
    this.lease = lease
    this.#registry = registry
    this.#entry = entry
    this.#holder = holder
    this.#ended = ended
    this.#known = entry.metadata
    registry.put(entry.service, entry.address, entry.metadata, this)
  }

  look(): void {
    if (this.#isOver || this.lease.isOver) return
    const found = this.#registry.get(this.#entry.service, this.#entry.address)
    if (found?.keeper !== this) {
      this.#over()
      this.#holder.lost(
        found === undefined ? 'deleted' : 'taken',
        new Error('the entry is not ours any more'),
      )
    } else if (found.metadata !== this.#known) {
      this.#known = found.metadata
      this.#holder.changed(found.metadata)
    }
  }

  async update(expected: string, next: string): Promise<boolean> {
    await this.#registry.trip()
    const { service, address } = this.#entry
    const found = this.#registry.get(service, address)
    if (found?.keeper !== this) throw new RpcxError('ERR_RPCX_LOST', `memory: ${address} is not held`)
    if (found.metadata !== expected) return false
    this.#known = next
    this.#registry.put(service, address, next, this)
    return true
  }

  async withdraw(): Promise<void> {
    this.#over()
    await this.#registry.trip()
    const { service, address } = this.#entry
    if (this.#registry.get(service, address)?.keeper === this) this.#registry.remove(service, address)
  }

  #over(): void {
    this.#isOver = true
    this.#ended()
  }
}
