import type { Driver, DriverTraits, Entry, Session } from '@rpcx/core'
import { checkMetadataSize, Layout, parseRegistryHosts } from '@rpcx/core'
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
  readonly #hosts: readonly string[]
  readonly #layout: Layout
  readonly #ttlMs: number
  /** The leases of sessions that were closed. */
  readonly #earlier = new Set<string>()

  /** @throws TypeError or RangeError that names the option */
  constructor(options: EtcdOptions, ttlMs: number = DEFAULT_TTL_MS) {
    const { etcdServers, basePath } = options
    // etcd grants no less than 2 s.
    if (!(ttlMs >= 2_000 && ttlMs <= 86_400_000)) {
      throw new RangeError(`etcd: ttlMs is ${ttlMs}, not a number from 2000 to 86400000`)
    }
    this.#hosts = parseRegistryHosts(this.name, 'etcdServers', etcdServers).map(({ text }) => text)
    this.#layout = new Layout(this.name, basePath)
    this.#ttlMs = ttlMs
  }

  check(entry: Entry): void {
    checkMetadataSize(this.name, entry, MAX_VALUE_BYTES)
  }

  async open(): Promise<Session> {
    return new EtcdSession(this.#hosts, this.#layout, this.#ttlMs, this.#earlier)
  }
}

const DEFAULT_TTL_MS = 15_000

// etcd's default for a whole request is 1.5 MiB (--max-request-bytes).
const MAX_VALUE_BYTES = 1024 * 1024
