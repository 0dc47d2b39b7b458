import type { Lease, LeaseKeeper } from './lease.ts'

export interface Record {
  readonly metadata: string
  readonly version: bigint
  readonly lease: Lease | undefined
}

/** A watcher of a service or of an entry. */
export interface Watcher {
  put(address: string, metadata: string): void
  remove(address: string): void
  /** The connection is gone. */
  cut(error: Error): void
}

/** A registry with leases in memory, like etcd. It can be unreachable. */
export class MemoryRegistry implements LeaseKeeper {
  readonly leases: Set<Lease> = new Set()
  /** The services that have a directory. */
  readonly directories: Set<string> = new Set()
  readonly watchers: Map<Watcher, string> = new Map()
  readonly #services = new Map<string, Map<string, Record>>()
  #isUp = true
  #version = 0n

  get isUp(): boolean {
    return this.#isUp
  }

  get services(): readonly string[] {
    return [...this.#services.keys()]
  }

  /** Resolves after one round trip to the registry. */
  async trip(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve))
    if (!this.#isUp) throw unreachable()
  }

  list(service: string): (readonly [address: string, metadata: string])[] {
    return [...(this.#services.get(service) ?? [])].map(([address, { metadata }]) => [address, metadata])
  }

  get(service: string, address: string): Record | undefined {
    return this.#services.get(service)?.get(address)
  }

  /** Returns the version. */
  put(service: string, address: string, metadata: string, lease: Lease | undefined): bigint {
    const records = this.#services.get(service) ?? new Map<string, Record>()
    this.#version++
    const version = this.#version
    this.#services.set(service, records.set(address, { metadata, version, lease }))
    this.#tell(service, watcher => watcher.put(address, metadata))
    return version
  }

  remove(service: string, address: string): void {
    if (this.#services.get(service)?.delete(address)) this.#tell(service, watcher => watcher.remove(address))
  }

  /** Removes a lease with its entries. */
  drop(lease: Lease): void {
    this.leases.delete(lease)
    for (const [service, records] of this.#services) {
      for (const [address, record] of records) if (record.lease === lease) this.remove(service, address)
    }
  }

  down(): void {
    this.#isUp = false
    for (const watcher of [...this.watchers.keys()]) watcher.cut(unreachable())
  }

  up(): void {
    this.#isUp = true
  }

  /** Returns everything that drivers left in the registry. */
  leftovers(): readonly string[] {
    const kept = [...this.#services].flatMap(([service, records]) =>
      [...records].filter(([, { lease }]) => lease !== undefined).map(([address]) => `${service}/${address}`),
    )
    return [
      ...kept,
      ...[...this.leases].map(() => 'a lease'),
      ...[...this.watchers.values()].map(service => `a watch of ${service}`),
    ]
  }

  #tell(service: string, tell: (watcher: Watcher) => void): void {
    if (!this.#isUp) return
    for (const [watcher, watched] of [...this.watchers]) if (watched === service) tell(watcher)
  }
}

function unreachable(): Error {
  return new Error('the registry is out of reach')
}
