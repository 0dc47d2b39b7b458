import type { ConnectionOptions } from 'node:tls'
import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'

/** The address of ZooKeeper, and how to connect and log in. */
export interface ZooKeeperOptions {
  /** `127.0.0.1:2181`, or several members of one ensemble. If one fails, rpcx uses the next. */
  readonly zooKeeperServers: string | readonly string[]
  /** The path above all nodes, such as `/rpcx_test`. Slashes at its ends do not matter, as in Go. */
  readonly basePath: string
  /** An existing node to use as the root, such as `/team/a`. @default the root of ZooKeeper */
  readonly chroot?: string
  /**
   * How long ZooKeeper keeps the entries of a crashed server, in milliseconds from 1000. ZooKeeper has its own limits, by default 2 to 20
   * of its ticks. @default 10_000
   */
  readonly sessionTimeoutMs?: number
  /** The user for ACLs, by ZooKeeper's scheme `digest`. @default none, as in Go */
  readonly digest?: { readonly user: string; readonly password: string }
  /**
   * Uses TLS with these options of `node:tls`, at the `secureClientPort` of ZooKeeper; `{}` trusts the authorities of the system.
   * @default no TLS
   */
  readonly tls?: Pick<
    ConnectionOptions,
    'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'rejectUnauthorized'
  >
}

export interface ZooKeeperRegisterPluginOptions extends RegisterPluginOptions, ZooKeeperOptions {
  /**
   * The ACL of new nodes, as `zkCli` writes it: `['auth::cdrwa', 'world:anyone:r']` gives all rights to the user in `digest`, and
   * others may read. @default 'world:anyone:cdrwa', as in Go
   */
  readonly acl?: string | readonly string[]
}

export interface ZooKeeperDiscoveryOptions extends RegistryDiscoveryOptions, ZooKeeperOptions {}
