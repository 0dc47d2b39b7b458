import type { Announcement, Driver, DriverTraits, Entry, Holder, Replica, Session } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import type { InprocessRegistry, Owner } from './registry.ts'

/** The registry inside this process: nothing fails, nothing waits, nothing expires. */
export class InprocessDriver implements Driver {
  readonly name = 'inprocess'
  readonly traits: DriverTraits = { crash: 'never', edits: true, publishes: 'registered' }
  readonly #registry: InprocessRegistry

  constructor(registry: InprocessRegistry) {
    this.#registry = registry
  }

  check(): void {}

  open(): Promise<Session> {
    return Promise.resolve(new InprocessSession(this.#registry))
  }
}

class InprocessSession implements Session {
  readonly ttlMs = 0
  readonly ended: Promise<Error>
  readonly #registry: InprocessRegistry
  readonly #held = new Set<InprocessAnnouncement>()
  #end: (reason: Error) => void = () => {}

  constructor(registry: InprocessRegistry) {
    this.#registry = registry
    this.ended = new Promise(resolve => (this.#end = resolve))
  }

  async follow(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    // Servers that are registered in this tick are seen by clients that are made in this tick.
    await new Promise(resolve => setImmediate(resolve))
    if (signal.aborted) return
    const unwatch = this.#registry.watch(service, into)
    into.replace(this.#registry.entries(service))
    await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
    unwatch()
  }

  async announce(entry: Entry, mode: 'claim' | 'restore', holder: Holder): Promise<Announcement> {
    const found = this.#registry.get(entry.service, entry.address)
    if (mode === 'restore' && found !== undefined) {
      throw new RpcxError(
        'ERR_RPCX_CONFLICT',
        `inprocess: ${entry.service} at ${entry.address} is held by another server`,
      )
    }
    found?.owner?.lost('taken', new Error(`another server registered ${entry.service} at ${entry.address}`))
    const announcement = new InprocessAnnouncement(this.#registry, entry, holder, () =>
      this.#held.delete(announcement),
    )
    this.#held.add(announcement)
    return announcement
  }

  async close(): Promise<void> {
    for (const announcement of [...this.#held]) await announcement.withdraw()
    this.#end(new Error('the session was closed'))
  }
}

class InprocessAnnouncement implements Announcement {
  readonly #registry: InprocessRegistry
  readonly #entry: Entry
  readonly #owner: Owner
  readonly #ended: () => void

  constructor(registry: InprocessRegistry, entry: Entry, holder: Holder, ended: () => void) {
    this.#registry = registry
    this.#entry = entry
    this.#ended = ended
    this.#owner = {
      changed: metadata => holder.changed(metadata),
      lost: (why, cause) => {
        ended()
        holder.lost(why, cause)
      },
    }
    registry.put(entry.service, entry.address, entry.metadata, this.#owner)
  }

  async update(expected: string, next: string): Promise<boolean> {
    const { service, address } = this.#entry
    const found = this.#registry.get(service, address)
    if (found?.owner !== this.#owner) {
      throw new RpcxError('ERR_RPCX_LOST', `inprocess: ${service} at ${address} is no longer held`)
    }
    if (found.metadata !== expected) return false
    this.#registry.put(service, address, next, this.#owner)
    return true
  }

  async withdraw(): Promise<void> {
    const { service, address } = this.#entry
    this.#ended()
    if (this.#registry.get(service, address)?.owner === this.#owner) this.#registry.remove(service, address)
  }
}
