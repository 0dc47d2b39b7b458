import type { Driver, DriverTraits, Entry, Session } from '@rpcx/core'
import { Keys } from './keys.ts'
import { EtcdSession } from './session.ts'

/** Where the registry is. */
export interface EtcdOptions {
  /** `127.0.0.1:2379`, or several members of one cluster. */
  readonly etcdServers: string | readonly string[]
  /** What all keys begin with, `/rpcx_test`. Go keeps its leading slash as given; so do we, and find both. */
  readonly basePath: string
}

/** etcd v3: a lease for each session, a key for each entry. */
export class EtcdDriver implements Driver {
  readonly name = 'etcd'
  readonly traits: DriverTraits = { crash: 'ttl', edits: true, publishes: 'listening' }
  readonly #servers: readonly string[]
  readonly #keys: Keys
  readonly #ttlMs: number
  /** The leases of our earlier lives: what they still hold is ours to restore. */
  readonly #leases = new Set<string>()

  constructor(options: EtcdOptions, ttlMs: number = DEFAULT_TTL_MS) {
    const { etcdServers, basePath } = options
    const servers = typeof etcdServers === 'string' ? [etcdServers] : [...(etcdServers ?? [])]
    if (servers.length === 0 || !servers.every(server => /^[^/\s]+:\d{1,5}$/.test(server))) {
      throw new TypeError(`etcd: etcdServers is ${JSON.stringify(etcdServers)}, not one or more host:port`)
    }
    // etcd grants no less than 2 s.
    if (!(ttlMs >= 2_000 && ttlMs <= 86_400_000)) {
      throw new RangeError(`etcd: ttlMs is ${ttlMs}, not a number from 2000 to 86400000`)
    }
    this.#servers = servers
    this.#keys = new Keys(basePath)
    this.#ttlMs = ttlMs
  }

  check({ service, metadata }: Entry): void {
    const bytes = Buffer.byteLength(metadata)
    if (bytes > MAX_VALUE_BYTES) {
      throw new RangeError(
        `etcd: the metadata of ${service} have ${bytes} bytes, more than etcd's limit of ${MAX_VALUE_BYTES}`,
      )
    }
  }

  async open(): Promise<Session> {
    return new EtcdSession(this.#servers, this.#keys, this.#ttlMs, this.#leases)
  }
}

const DEFAULT_TTL_MS = 15_000

// etcd's default for a whole request is 1.5 MiB (--max-request-bytes).
const MAX_VALUE_BYTES = 1024 * 1024
