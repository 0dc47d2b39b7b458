import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'
import { RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import { InprocessDriver } from './driver.ts'
import { registry } from './registry.ts'

/** Which registry a server is registered in. */
export interface InprocessRegisterPluginOptions extends RegisterPluginOptions {
  /** The name of the registry: servers and clients of different registries do not see each other. @default 'default' */
  readonly registry?: string
}

/** Registers a server in this process. Its services can be called from `registerName` on, before it listens. */
export class InprocessRegisterPlugin extends RegisterPlugin {
  constructor(options: InprocessRegisterPluginOptions = {}) {
    super(new InprocessDriver(registry(options.registry)), options)
  }
}

/** Which registry servers are discovered in. */
export interface InprocessDiscoveryOptions extends RegistryDiscoveryOptions {
  /** The name of the registry, as its servers have it. @default 'default' */
  readonly registry?: string
  /** The networks that are listed. @default ['memu', 'tcp', 'tcp4', 'tcp6', 'unix'] */
  readonly networks?: readonly string[]
}

/** Discovers the servers in this process. */
export class InprocessDiscovery extends RegistryDiscovery {
  constructor(options: InprocessDiscoveryOptions = {}) {
    super(new InprocessDriver(registry(options.registry)), options)
  }
}

/** The plugin for the default registry. Any number of servers may share it. */
export const inprocessClient: InprocessRegisterPlugin = new InprocessRegisterPlugin()
