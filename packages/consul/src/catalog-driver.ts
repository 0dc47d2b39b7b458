import type { Clock, Driver, DriverTraits, Entry, Health, RegistrySession } from '@rpcx/core'
import { checkMetadataSize, parseRegistryHosts } from '@rpcx/core'
import { CatalogSession } from './catalog-session.ts'
import { hostPort } from './instance.ts'
import type { ConsulCatalogDiscoveryOptions, ConsulRegisterPluginOptions } from './options.ts'
import type { CatalogSettings } from './settings.ts'
import { choice, readingOf, ttlOf } from './settings.ts'

export type CatalogOptions = Omit<ConsulRegisterPluginOptions, 'basePath'> &
  Omit<ConsulCatalogDiscoveryOptions, 'source'>

/** The driver for Consul's catalogue: each entry is a service of the agent, with a health check. */
export class CatalogDriver implements Driver {
  readonly name = 'consul catalog'
  readonly traits: DriverTraits = { crash: 'ttl', edits: true, publishes: 'listening' }
  readonly #settings: CatalogSettings

  /**
   * @param health returns the health of the server that registers; its checks report it
   * @throws TypeError or RangeError that names the option
   */
  constructor(options: CatalogOptions, health: () => Health = () => 'ready') {
    const { consulServers, check = 'ttl', deregisterAfterMs = 60_000 } = options
    const { datacenters = [], tags = [], zones = [], passingOnly = true } = options
    if (!(deregisterAfterMs >= 60_000 && deregisterAfterMs < 2 ** 31)) {
      throw new RangeError(
        `consul: deregisterAfterMs is ${deregisterAfterMs}, not a number of milliseconds from 60000 up`,
      )
    }
    if (new Set(datacenters).size < datacenters.length || datacenters.includes('')) {
      throw new TypeError(`consul: datacenters is ${JSON.stringify(datacenters)}, not different names`)
    }
    this.#settings = {
      ...options,
      hosts: parseRegistryHosts('consul', 'consulServers', consulServers),
      ttlMs: ttlOf(options),
      check: choice('check', check, ['ttl', 'tcp']),
      deregisterAfterMs: Math.round(deregisterAfterMs),
      health,
      reading: { passing: passingOnly, ...readingOf(options) },
      datacenters: datacenters.length === 0 ? [undefined] : datacenters,
      tags,
      zones,
      earlier: new Set(),
    }
  }

  check(entry: Entry): void {
    const { service, address } = entry
    if (!DNS_LABEL.test(service)) {
      throw new TypeError(
        `consul catalog: ${JSON.stringify(service)} cannot be the name of a service in DNS: up to 63 letters, digits and -`,
      )
    }
    if (address !== '') hostPort(address)
    checkMetadataSize(this.name, entry, MOST_BYTES)
  }

  async open(_signal: AbortSignal, clock: Clock): Promise<RegistrySession> {
    return new CatalogSession(clock, this.#settings)
  }
}

const DNS_LABEL = /^(?!-)[A-Za-z\d-]{1,63}(?<!-)$/
// A service may have 64 values of 512 bytes. The metadata take fewer than 48 of them; the others are for copies of single metadata values.
const MOST_BYTES = 24_000
