import { checkRegistryOptions, RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import { ZooKeeperDriver } from './driver.ts'
import { OWN_OPTIONS } from './known-options.ts'
import type { ZooKeeperDiscoveryOptions, ZooKeeperRegisterPluginOptions } from './options.ts'

export type {
  ZooKeeperDiscoveryOptions,
  ZooKeeperOptions,
  ZooKeeperRegisterPluginOptions,
} from './options.ts'

/** Registers a server in ZooKeeper, where clients written in Go and in TypeScript find it. */
export class ZooKeeperRegisterPlugin extends RegisterPlugin {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ZooKeeperRegisterPluginOptions) {
    checkRegistryOptions('ZooKeeperRegisterPlugin', options, OWN_OPTIONS)
    super(new ZooKeeperDriver(options), options)
  }
}

/** Discovers servers in ZooKeeper, whether they are written in Go or in TypeScript. */
export class ZooKeeperDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ZooKeeperDiscoveryOptions) {
    checkRegistryOptions('ZooKeeperDiscovery', options, OWN_OPTIONS)
    super(new ZooKeeperDriver(options), options)
  }
}
