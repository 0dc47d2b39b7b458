import type { SharedRegistryOption } from '@rpcx/core'
import type { ZooKeeperDiscoveryOptions, ZooKeeperRegisterPluginOptions } from './options.ts'

/** The names of the options that only this backend has, used to reject misspelt ones. */
export const OWN_OPTIONS: Readonly<
  Record<
    Exclude<keyof (ZooKeeperRegisterPluginOptions & ZooKeeperDiscoveryOptions), SharedRegistryOption>,
    true
  >
> = {
  zooKeeperServers: true,
  basePath: true,
  chroot: true,
  sessionTimeoutMs: true,
  digest: true,
  tls: true,
  acl: true,
}
