export const TTL_MS = 400

/** The leases of a registry, with their entries. */
export interface LeaseKeeper {
  readonly leases: Set<Lease>
  /** Removes a lease with its entries. */
  drop(lease: Lease): void
}

/** A lease of a session, which expires unless it is renewed in time. */
export class Lease {
  readonly isServers: boolean
  readonly #registry: LeaseKeeper
  readonly #timer: NodeJS.Timeout

  /** @param isServers false for leases of editors */
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
