import type { PluginHost, ServerHooks } from '@rpcx/core'
import { checkRegistryOptions, RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import { CatalogDriver } from './catalog-driver.ts'
import { combineHooks } from './combine-hooks.ts'
import { ConsulDriver } from './driver.ts'
import { OWN_OPTIONS } from './known-options.ts'
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

/**
 * Registers a server in Consul's key-value store, where Go and TypeScript clients find it. With `catalog`, it also registers the server in
 * the catalogue, for any client.
 */
export class ConsulRegisterPlugin extends RegisterPlugin {
  readonly #options: ConsulRegisterPluginOptions

  /** @throws TypeError or RangeError that names the option */
  constructor(options: ConsulRegisterPluginOptions) {
    checkRegistryOptions('ConsulRegisterPlugin', options, OWN_OPTIONS)
    super(new ConsulDriver(options), options)
    // Reports invalid catalogue options here, not only when a server attaches the plugin.
    if (options.catalog === true) new CatalogDriver(options)
    this.#options = options
  }

  override attach(host: PluginHost): ServerHooks {
    const keys = super.attach(host)
    if (this.#options.catalog !== true) return keys
    // Each server gets its own driver, because the checks report the health of that server.
    const catalog = new CatalogDriver(this.#options, () => host.health)
    return combineHooks(keys, new RegisterPlugin(catalog, this.#options).attach(host))
  }
}

/** Discovers servers in Consul's key-value store, or in its catalogue. */
export class ConsulDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ConsulDiscoveryOptions) {
    checkRegistryOptions('ConsulDiscovery', options, OWN_OPTIONS)
    choice('source', options.source ?? 'kv', ['kv', 'catalog'])
    super(options.source === 'catalog' ? new CatalogDriver(options) : new ConsulDriver(options), options)
  }
}
