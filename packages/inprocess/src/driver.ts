import type { Driver, DriverTraits, Entry, RegistrySession, Replica, StoredEntry } from '@rpcx/core'
import type { InprocessRegistry } from './registry.ts'

/** The driver of the registry inside this process, where no operation fails or waits, and no entry expires. */
export class InprocessDriver implements Driver {
  readonly name = 'inprocess'
  readonly traits: DriverTraits = {
    crash: 'never',
    edits: true,
    publishes: 'registered',
    // Accepts all networks that clients can connect to, because only this process decides what the registry holds.
    networks: ['memu', 'tcp', 'tcp4', 'tcp6', 'unix'],
  }
  readonly #registry: InprocessRegistry

  constructor(registry: InprocessRegistry) {
    this.#registry = registry
  }

  check(): void {}

  open(): Promise<RegistrySession> {
    return Promise.resolve(new InprocessSession(this.#registry))
  }
}

class InprocessSession implements RegistrySession {
  readonly ttlMs = 0
  readonly ended: Promise<Error>
  readonly #registry: InprocessRegistry
  #end: (reason: Error) => void = () => {}

  constructor(registry: InprocessRegistry) {
    this.#registry = registry
    this.ended = new Promise(resolve => (this.#end = resolve))
  }

  async watchService(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    // A client that is created in this tick must also see servers that are registered in this tick.
    await new Promise(resolve => setImmediate(resolve))
    if (signal.aborted) return
    const unwatch = this.#registry.watch(service, into)
    into.replace(this.#registry.entries(service))
    await aborted(signal)
    unwatch()
  }

  async watchEntry(
    service: string,
    address: string,
    saw: (held: StoredEntry | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const changed = (at: string): void => {
      if (at === address) saw(this.#held(service, address))
    }
    const unwatch = this.#registry.watch(service, { put: changed, remove: changed })
    changed(address)
    await aborted(signal)
    unwatch()
  }

  async write(entry: Entry, over: StoredEntry | undefined): Promise<bigint | undefined> {
    const { service, address, metadata } = entry
    if (this.#registry.get(service, address)?.version !== over?.version) return undefined
    return this.#registry.put(service, address, metadata, this)
  }

  async remove(service: string, address: string): Promise<void> {
    if (this.#registry.get(service, address)?.owner === this) this.#registry.remove(service, address)
  }

  async close(): Promise<void> {
    this.#registry.removeAll(this)
    this.#end(new Error('the session was closed'))
  }

  #held(service: string, address: string): StoredEntry | undefined {
    const kept = this.#registry.get(service, address)
    if (kept === undefined) return undefined
    const { metadata, version, owner } = kept
    return { metadata, version, by: owner === this ? 'us' : owner === undefined ? 'nobody' : 'other' }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
