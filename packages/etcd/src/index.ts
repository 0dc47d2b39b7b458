import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'
import { RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import type { EtcdOptions } from './driver.ts'
import { EtcdDriver } from './driver.ts'

export type { EtcdOptions } from './driver.ts'

export interface EtcdRegisterPluginOptions extends RegisterPluginOptions, EtcdOptions {
  /**
   * How long etcd keeps the entries of a server that crashed, in milliseconds from 2000; etcd counts whole seconds.
   * @default twice `updateIntervalMs`, 15_000 at most
   */
  readonly ttlMs?: number
}

/** Registers a server in etcd v3, where clients written in Go and in TypeScript find it. */
export class EtcdRegisterPlugin extends RegisterPlugin {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: EtcdRegisterPluginOptions) {
    const {
      updateIntervalMs = 60_000,
      ttlMs = updateIntervalMs > 0 ? Math.min(2 * updateIntervalMs, 15_000) : 15_000,
    } = options
    super(new EtcdDriver(options, Math.max(ttlMs, options.ttlMs === undefined ? 2_000 : 0)), options)
  }
}

export interface EtcdDiscoveryOptions extends RegistryDiscoveryOptions, EtcdOptions {}

/** Discovers servers in etcd v3, whether they are written in Go or in TypeScript. */
export class EtcdDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: EtcdDiscoveryOptions) {
    super(new EtcdDriver(options), options)
  }
}
