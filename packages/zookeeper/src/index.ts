import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'
import { RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import type { ZooKeeperOptions } from './driver.ts'
import { ZooKeeperDriver } from './driver.ts'

export type { ZooKeeperOptions } from './driver.ts'

export interface ZooKeeperRegisterPluginOptions extends RegisterPluginOptions, ZooKeeperOptions {}

/** Registers a server in ZooKeeper, where clients written in Go and in TypeScript find it. */
export class ZooKeeperRegisterPlugin extends RegisterPlugin {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ZooKeeperRegisterPluginOptions) {
    super(new ZooKeeperDriver(options), options)
  }
}

export interface ZookeeperDiscoveryOptions extends RegistryDiscoveryOptions, ZooKeeperOptions {}

/** Discovers servers in ZooKeeper, whether they are written in Go or in TypeScript. */
export class ZookeeperDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ZookeeperDiscoveryOptions) {
    super(new ZooKeeperDriver(options), options)
  }
}
