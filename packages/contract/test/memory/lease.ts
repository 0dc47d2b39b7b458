import type { MemoryRegistry } from './registry.ts'

export const TTL_MS = 400

/** The life of a session, in the eyes of the registry: over when nobody asked for more in time. */
export class Lease {
  readonly isServers: boolean
  readonly #registry: MemoryRegistry
  readonly #timer: NodeJS.Timeout

  /** @param isServers false for those who edit entries of others */
  constructor(registry: MemoryRegistry, isServers = true) {
    this.#registry = registry
    this.isServers = isServers
    registry.leases.add(this)
    this.#timer = setTimeout(() => this.end(), TTL_MS).unref()
  }

  get isOver(): boolean {
    return !this.#registry.leases.has(this)
  }

  keepAlive(): void {
    if (!this.isOver) this.#timer.refresh()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#registry.drop(this)
  }
}
