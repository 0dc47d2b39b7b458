import type { SharedRegistryOption } from '@rpcx/core'
import type {
  ConsulCatalogDiscoveryOptions,
  ConsulKvDiscoveryOptions,
  ConsulRegisterPluginOptions,
} from './options.ts'

/** The names of the options that only this backend has, used to reject misspelt ones. */
export const OWN_OPTIONS: Readonly<
  Record<
    Exclude<
      | keyof ConsulRegisterPluginOptions
      | keyof ConsulKvDiscoveryOptions
      | keyof ConsulCatalogDiscoveryOptions,
      SharedRegistryOption
    >,
    true
  >
> = {
  consulServers: true,
  basePath: true,
  token: true,
  tls: true,
  ttlMs: true,
  nodeChecks: true,
  catalog: true,
  check: true,
  deregisterAfterMs: true,
  consistency: true,
  source: true,
  datacenter: true,
  datacenters: true,
  tags: true,
  zones: true,
  passingOnly: true,
}
