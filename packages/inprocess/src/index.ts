import type { RegisterPluginOptions, RegistryDiscoveryOptions, SharedRegistryOption } from '@rpcx/core'
import { checkRegistryOptions, RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import { InprocessDriver } from './driver.ts'
import { registry } from './registry.ts'

/** The options of `InprocessRegisterPlugin`. */
export interface InprocessRegisterPluginOptions extends RegisterPluginOptions {
  /** The name of the registry: servers and clients of different registries do not see each other. @default 'default' */
  readonly registry?: string
}

/** Registers a server for clients in this process. They can call its services from `registerName` on, before the server listens. */
export class InprocessRegisterPlugin extends RegisterPlugin {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: InprocessRegisterPluginOptions = {}) {
    checkRegistryOptions('InprocessRegisterPlugin', options, OWN_OPTIONS)
    super(new InprocessDriver(registry(options.registry)), options)
  }
}

/** The options of `InprocessDiscovery`. */
export interface InprocessDiscoveryOptions extends RegistryDiscoveryOptions {
  /** The name of the registry, the same as that of its servers. @default 'default' */
  readonly registry?: string
  /** The accepted networks, which are the part of an address before `@`. @default ['memu', 'tcp', 'tcp4', 'tcp6', 'unix'] */
  readonly networks?: readonly string[]
}

/** Discovers the servers in this process. */
export class InprocessDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: InprocessDiscoveryOptions = {}) {
    checkRegistryOptions('InprocessDiscovery', options, OWN_OPTIONS)
    super(new InprocessDriver(registry(options.registry)), options)
  }
}

const OWN_OPTIONS: Readonly<
  Record<
    Exclude<keyof InprocessRegisterPluginOptions | keyof InprocessDiscoveryOptions, SharedRegistryOption>,
    true
  >
> = { registry: true }

/** The plugin for the default registry. Any number of servers may share it. */
export const inprocessClient: InprocessRegisterPlugin = new InprocessRegisterPlugin()
