import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'
import { RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import { FolderDriver } from './driver.ts'

export interface FolderOptions {
  /** The folder that all processes share. */
  readonly path: string
  /** How long a server that crashed stays listed. @default 3_000 */
  readonly ttlMs?: number
}

/** Registers a server in a folder of this host. */
export class FolderRegisterPlugin extends RegisterPlugin {
  constructor(options: FolderOptions & RegisterPluginOptions) {
    super(new FolderDriver(options.path, options.ttlMs ?? 3_000), options)
  }
}

/** Discovers the servers in a folder of this host. */
export class FolderDiscovery extends RegistryDiscovery {
  constructor(options: FolderOptions & RegistryDiscoveryOptions) {
    super(new FolderDriver(options.path, options.ttlMs ?? 3_000), options)
  }
}
