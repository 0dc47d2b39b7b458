import type { Driver, DriverTraits, Entry, Session } from '@rpcx/core'
import { checkMetadataSize, Layout, parseRegistryHosts } from '@rpcx/core'
import type { ConsulKvDiscoveryOptions, ConsulRegisterPluginOptions } from './index.ts'
import { ConsulSession } from './session.ts'
import type { Settings } from './settings.ts'
import { readingOf, ttlOf } from './settings.ts'

/** Consul's keys and values: a key for each entry, a Consul session for each key. */
export class ConsulDriver implements Driver {
  readonly name = 'consul'
  readonly traits: DriverTraits = { crash: 'twice-ttl', edits: true, publishes: 'listening' }
  readonly #settings: Settings

  /** @throws TypeError or RangeError that names the option */
  constructor(options: ConsulRegisterPluginOptions & ConsulKvDiscoveryOptions) {
    const { consulServers, basePath, nodeChecks = false, datacenter: dc } = options
    this.#settings = {
      ...options,
      hosts: parseRegistryHosts('consul', 'consulServers', consulServers),
      layout: new Layout('consul', basePath, 'bare'),
      ttlMs: ttlOf(options),
      nodeChecks,
      reading: { dc, ...readingOf(options) },
      earlier: new Set(),
    }
  }

  check(entry: Entry): void {
    checkMetadataSize(this.name, entry, MAX_BYTES)
  }

  async open(): Promise<Session> {
    return new ConsulSession(this.#settings)
  }
}

// Consul's default for a transaction is 512 KiB (`txn_max_req_len`), in which they are a third longer, as base64.
const MAX_BYTES = 360 * 1024
