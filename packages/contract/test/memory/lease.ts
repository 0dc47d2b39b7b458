import type { MemoryRegistry } from './registry.ts'

export const TTL_MS = 400

/** The life of a session, in the eyes of the registry: over when nobody asked for more in time. */
export class Lease {
  readonly #registry: MemoryRegistry
  readonly #timer: NodeJS.Timeout

  constructor(registry: MemoryRegistry) {
    this.#registry = registry
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
