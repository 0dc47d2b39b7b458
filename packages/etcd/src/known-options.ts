import type { SharedRegistryOption } from '@rpcx/core'
import type { EtcdDiscoveryOptions, EtcdRegisterPluginOptions } from './options.ts'

/** The names of the options that only this backend has, used to reject misspelt ones. */
export const OWN_OPTIONS: Readonly<
  Record<Exclude<keyof (EtcdRegisterPluginOptions & EtcdDiscoveryOptions), SharedRegistryOption>, true>
> = {
  etcdServers: true,
  basePath: true,
  tls: true,
  auth: true,
  httpProxy: true,
  ttlMs: true,
}
