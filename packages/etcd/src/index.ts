import { checkRegistryOptions, RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import { EtcdDriver } from './driver.ts'
import { OWN_OPTIONS } from './known-options.ts'
import type { EtcdDiscoveryOptions, EtcdRegisterPluginOptions } from './options.ts'

export type {
  EtcdAuth,
  EtcdDiscoveryOptions,
  EtcdOptions,
  EtcdRegisterPluginOptions,
  EtcdTls,
} from './options.ts'

/** Registers a server in etcd v3, where clients written in Go and in TypeScript find it. */
export class EtcdRegisterPlugin extends RegisterPlugin {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: EtcdRegisterPluginOptions) {
    checkRegistryOptions('EtcdRegisterPlugin', options, OWN_OPTIONS)
    const {
      updateIntervalMs = 60_000,
      ttlMs = updateIntervalMs > 0 ? Math.min(2 * updateIntervalMs, 15_000) : 15_000,
    } = options
    super(new EtcdDriver(options, Math.max(ttlMs, options.ttlMs === undefined ? 2_000 : 0)), options)
  }
}

/** Discovers servers in etcd v3, whether they are written in Go or in TypeScript. */
export class EtcdDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: EtcdDiscoveryOptions) {
    checkRegistryOptions('EtcdDiscovery', options, OWN_OPTIONS)
    super(new EtcdDriver(options), options)
  }
}
