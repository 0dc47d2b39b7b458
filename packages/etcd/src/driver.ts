import type { Clock, Driver, DriverTraits, Entry, RegistrySession } from '@rpcx/core'
import { checkMetadataSize, Layout } from '@rpcx/core'
import type { Access } from './access.ts'
import { readAccess } from './access.ts'
import type { EtcdOptions } from './options.ts'
import { EtcdSession } from './session.ts'

/** The etcd v3 driver: one lease for each session, one key for each entry. */
export class EtcdDriver implements Driver {
  readonly name = 'etcd'
  readonly traits: DriverTraits = { crash: 'ttl', edits: true, publishes: 'listening' }
  readonly #access: Access
  readonly #layout: Layout
  readonly #ttlMs: number
  /** The leases of closed sessions. */
  readonly #earlier = new Set<string>()

  /** @throws TypeError or RangeError that names the option */
  constructor(options: EtcdOptions, ttlMs: number = DEFAULT_TTL_MS) {
    // etcd grants no TTL below 2 s.
    if (!(ttlMs >= 2_000 && ttlMs <= 86_400_000)) {
      throw new RangeError(`etcd: ttlMs is ${ttlMs}, not a number from 2000 to 86400000`)
    }
    this.#access = readAccess(options)
    this.#layout = new Layout(this.name, options.basePath)
    this.#ttlMs = ttlMs
  }

  check(entry: Entry): void {
    checkMetadataSize(this.name, entry, MAX_VALUE_BYTES)
  }

  async open(_signal: AbortSignal, clock: Clock): Promise<RegistrySession> {
    return new EtcdSession(clock, this.#access, this.#layout, this.#ttlMs, this.#earlier)
  }
}

const DEFAULT_TTL_MS = 15_000

// etcd's default for a whole request is 1.5 MiB (--max-request-bytes).
const MAX_VALUE_BYTES = 1024 * 1024
