export const TTL_MS = 400

/** Where leases are kept, with the entries that go with them. */
export interface LeaseKeeper {
  readonly leases: Set<Lease>
  /** The entries of a lease go with it. */
  drop(lease: Lease): void
}

/** The life of a session, in the eyes of the registry: over when nobody asked for more in time. */
export class Lease {
  readonly isServers: boolean
  readonly #registry: LeaseKeeper
  readonly #timer: NodeJS.Timeout

  /** @param isServers false for those who edit entries of others */
  constructor(registry: LeaseKeeper, isServers = true) {
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
