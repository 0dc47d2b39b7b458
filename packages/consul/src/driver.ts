import type { Clock, Driver, DriverTraits, Entry, RegistrySession } from '@rpcx/core'
import { checkMetadataSize, Layout, parseRegistryHosts } from '@rpcx/core'
import type { ConsulKvDiscoveryOptions, ConsulRegisterPluginOptions } from './options.ts'
import { ConsulSession } from './session.ts'
import type { Settings } from './settings.ts'
import { readingOf, ttlOf } from './settings.ts'
import { isStorable } from './storable.ts'

/** The driver for Consul's key-value store: one key for each entry, one Consul session for each key. */
export class ConsulDriver implements Driver {
  readonly name = 'consul'
  readonly traits: DriverTraits = { crash: 'twice-ttl', edits: true, publishes: 'listening' }
  readonly #settings: Settings

  /** @throws TypeError or RangeError that names the option */
  constructor(options: ConsulRegisterPluginOptions & ConsulKvDiscoveryOptions) {
    const { consulServers, basePath, nodeChecks = false, datacenter: dc } = options
    const layout = new Layout('consul', basePath, 'bare')
    if (!isStorable(layout.base)) {
      throw new TypeError(`consul: basePath is ${JSON.stringify(basePath)}; leave out the parts . and ..`)
    }
    this.#settings = {
      ...options,
      hosts: parseRegistryHosts('consul', 'consulServers', consulServers),
      layout,
      ttlMs: ttlOf(options),
      nodeChecks,
      reading: { dc, ...readingOf(options) },
      earlier: new Set(),
    }
  }

  check(entry: Entry): void {
    const { service, address } = entry
    // The address is unknown before the server listens.
    const key = this.#settings.layout.leaf(service, address || 'tcp@')
    if (!isStorable(key)) {
      throw new TypeError(
        `consul: ${JSON.stringify(key)} cannot be a key of Consul; leave out the parts . and .. and double slashes`,
      )
    }
    checkMetadataSize(this.name, entry, MAX_BYTES)
  }

  async open(_signal: AbortSignal, clock: Clock): Promise<RegistrySession> {
    return new ConsulSession(clock, this.#settings)
  }
}

// Consul's default limit for a transaction is 512 KiB (`txn_max_req_len`). Base64 makes the metadata a third longer.
const MAX_BYTES = 360 * 1024
