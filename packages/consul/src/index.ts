import type { PluginHost, ServerHooks } from '@rpcx/core'
import { RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import { CatalogDriver } from './catalog-driver.ts'
import { combineHooks } from './combine-hooks.ts'
import { ConsulDriver } from './driver.ts'
import type { ConsulDiscoveryOptions, ConsulRegisterPluginOptions } from './options.ts'
import { choice } from './settings.ts'

export type {
  ConsulCatalogDiscoveryOptions,
  ConsulDiscoveryOptions,
  ConsulKvDiscoveryOptions,
  ConsulOptions,
  ConsulRegisterPluginOptions,
  ConsulSharedDiscoveryOptions,
} from './options.ts'

/** Registers a server in Consul's keys and values, where clients in Go and in TypeScript find it; with `catalog`, everybody. */
export class ConsulRegisterPlugin extends RegisterPlugin {
  readonly #options: ConsulRegisterPluginOptions

  /** @throws TypeError or RangeError that names the option */
  constructor(options: ConsulRegisterPluginOptions) {
    super(new ConsulDriver(options), options)
    // What it refuses is refused here, and not when the plugin is added to a server.
    if (options.catalog === true) new CatalogDriver(options)
    this.#options = options
  }

  override attach(host: PluginHost): ServerHooks {
    const keys = super.attach(host)
    if (this.#options.catalog !== true) return keys
    // A driver for each server, since its checks follow that server's health.
    const catalog = new CatalogDriver(this.#options, () => host.health)
    return combineHooks(keys, new RegisterPlugin(catalog, this.#options).attach(host))
  }
}

/** Discovers servers in Consul's keys and values, or in its catalogue. */
export class ConsulDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ConsulDiscoveryOptions) {
    choice('source', options.source ?? 'kv', ['kv', 'catalog'])
    super(options.source === 'catalog' ? new CatalogDriver(options) : new ConsulDriver(options), options)
  }
}
