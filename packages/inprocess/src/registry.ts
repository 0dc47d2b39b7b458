/** Who holds an entry: told when someone else changes it. */
export interface Owner {
  changed(metadata: string): void
  lost(why: 'deleted' | 'taken', cause: Error): void
}

interface Held {
  metadata: string
  readonly owner: Owner | undefined
}

/** What a follower hears; the list is read with `entries`. */
export interface Watcher {
  put(address: string, metadata: string): void
  remove(address: string): void
}

/** A registry in memory: services, their addresses, and who wants to hear of changes. All of it is synchronous. */
export class InprocessRegistry {
  readonly #services = new Map<string, Map<string, Held>>()
  readonly #watchers = new Map<string, Set<Watcher>>()

  entries(service: string): (readonly [address: string, metadata: string])[] {
    return [...(this.#services.get(service) ?? [])].map(([address, { metadata }]) => [address, metadata])
  }

  get(service: string, address: string): Readonly<Held> | undefined {
    return this.#services.get(service)?.get(address)
  }

  put(service: string, address: string, metadata: string, owner: Owner | undefined): void {
    let entries = this.#services.get(service)
    if (entries === undefined) {
      entries = new Map()
      this.#services.set(service, entries)
    }
    entries.set(address, { metadata, owner })
    for (const watcher of this.#watchers.get(service) ?? []) watcher.put(address, metadata)
  }

  /** Takes an entry away and tells nobody but the followers. */
  remove(service: string, address: string): void {
    const entries = this.#services.get(service)
    if (!entries?.delete(address)) return
    if (entries.size === 0) this.#services.delete(service)
    for (const watcher of this.#watchers.get(service) ?? []) watcher.remove(address)
  }

  /** Returns what ends it. */
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

/** The registry of a name, the same for all who ask in this process. */
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
