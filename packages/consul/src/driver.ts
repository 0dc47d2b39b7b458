import type { Driver, DriverTraits, Entry, Session } from '@rpcx/core'
import { Layout, parseRegistryHosts } from '@rpcx/core'
import type { ConsulDiscoveryOptions, ConsulRegisterPluginOptions } from './index.ts'
import { ConsulSession } from './session.ts'
import type { Settings } from './settings.ts'

/** Consul's keys and values: a key for each entry, a Consul session for each key. */
export class ConsulDriver implements Driver {
  readonly name = 'consul'
  readonly traits: DriverTraits = { crash: 'twice-ttl', edits: true, publishes: 'listening' }
  readonly #settings: Settings

  /** @throws TypeError or RangeError that names the option */
  constructor(options: ConsulRegisterPluginOptions & ConsulDiscoveryOptions) {
    const { consulServers, basePath, ttlMs = 10_000, nodeChecks = false } = options
    const { datacenter: dc, consistency = 'default' } = options
    // Consul's own upper limit; its lower one can be set.
    if (!(ttlMs >= 1_000 && ttlMs <= 86_400_000)) {
      throw new RangeError(`consul: ttlMs is ${ttlMs}, not a number from 1000 to 86400000`)
    }
    if (!['default', 'consistent', 'stale'].includes(consistency)) {
      throw new TypeError(
        `consul: consistency is ${JSON.stringify(consistency)}, not default, consistent or stale`,
      )
    }
    this.#settings = {
      ...options,
      hosts: parseRegistryHosts('consul', 'consulServers', consulServers),
      layout: new Layout('consul', basePath, 'bare'),
      ttlMs: Math.round(ttlMs),
      nodeChecks,
      reading: { dc, [consistency]: true },
      earlier: new Set(),
    }
  }

  check({ service, metadata }: Entry): void {
    const bytes = Buffer.byteLength(metadata)
    if (bytes <= MAX_BYTES) return
    throw new RangeError(`consul: ${service} has ${bytes} bytes of metadata, the limit is ${MAX_BYTES}`)
  }

  async open(): Promise<Session> {
    return new ConsulSession(this.#settings)
  }
}

// Consul's default for a transaction is 512 KiB (`txn_max_req_len`), in which they are a third longer, as base64.
const MAX_BYTES = 360 * 1024
