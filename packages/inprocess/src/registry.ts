/** The stored entry of one server. */
export interface Kept {
  readonly metadata: string
  readonly version: bigint
  /** The session that keeps the entry; `undefined` when there is none. */
  readonly owner: object | undefined
}

/** Receives the changes of a service. `entries` returns the list. */
export interface Watcher {
  put(address: string, metadata: string): void
  remove(address: string): void
}

/** A registry in memory: services, their addresses, and the watchers of each service. Everything is synchronous. */
export class InprocessRegistry {
  readonly #services = new Map<string, Map<string, Kept>>()
  readonly #watchers = new Map<string, Set<Watcher>>()
  #version = 0n

  entries(service: string): (readonly [address: string, metadata: string])[] {
    return [...(this.#services.get(service) ?? [])].map(([address, { metadata }]) => [address, metadata])
  }

  get(service: string, address: string): Kept | undefined {
    return this.#services.get(service)?.get(address)
  }

  /** Stores an entry and returns its version. */
  put(service: string, address: string, metadata: string, owner: object | undefined): bigint {
    let entries = this.#services.get(service)
    if (entries === undefined) {
      entries = new Map()
      this.#services.set(service, entries)
    }
    this.#version++
    const version = this.#version
    entries.set(address, { metadata, version, owner })
    for (const watcher of this.#watchers.get(service) ?? []) watcher.put(address, metadata)
    return version
  }

  remove(service: string, address: string): void {
    const entries = this.#services.get(service)
    if (!entries?.delete(address)) return
    if (entries.size === 0) this.#services.delete(service)
    for (const watcher of this.#watchers.get(service) ?? []) watcher.remove(address)
  }

  /** Removes all entries of `owner`. */
  removeAll(owner: object): void {
    for (const [service, entries] of this.#services) {
      for (const [address, kept] of entries) if (kept.owner === owner) this.remove(service, address)
    }
  }

  /** Reports changes of a service to `watcher`. Returns a function that ends this. */
  watch(service: string, watcher: Watcher): () => void {
    let watchers = this.#watchers.get(service)
    if (watchers === undefined) {
      watchers = new Set()
      this.#watchers.set(service, watchers)
    }
    watchers.add(watcher)
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#watchers.get(service) === watchers) this.#watchers.delete(service)
    }
  }
}

/** Returns the registry with this name, which is the same for the whole process. */
export function registry(name = 'default'): InprocessRegistry {
  let found = registries.get(name)
  if (found === undefined) {
    found = new InprocessRegistry()
    registries.set(name, found)
  }
  return found
}

// On `globalThis`, so that two copies of this package in one tree see the same servers.
const SHARED: unique symbol = Symbol.for('rpcx.inprocess') as never
const shared = globalThis as { [SHARED]?: Map<string, InprocessRegistry> }
shared[SHARED] ??= new Map()
const registries: Map<string, InprocessRegistry> = shared[SHARED]
