import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'
import { checkRegistryOptions, RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import type { MDNSOptions } from './driver.ts'
import { MDNSDriver } from './driver.ts'

export type { MDNSOptions } from './driver.ts'

export interface MDNSRegisterPluginOptions extends RegisterPluginOptions, MDNSOptions {}

/** Announces a server on its network, where Go and TypeScript clients find it. */
export class MDNSRegisterPlugin extends RegisterPlugin {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: MDNSRegisterPluginOptions = {}) {
    checkRegistryOptions('MDNSRegisterPlugin', options, OWN_OPTIONS)
    super(new MDNSDriver(options), options)
  }
}

export interface MDNSDiscoveryOptions extends RegistryDiscoveryOptions, MDNSOptions {}

/** Discovers the servers on its network, both Go and TypeScript ones. */
export class MDNSDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: MDNSDiscoveryOptions = {}) {
    checkRegistryOptions('MDNSDiscovery', options, OWN_OPTIONS)
    super(new MDNSDriver(options), options)
  }
}

const OWN_OPTIONS: Readonly<Record<keyof MDNSOptions, true>> = { interfaces: true, port: true }
