import type { ConnectionOptions } from 'node:tls'
import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'

/** Where the registry is, and who we are there. */
export interface ZooKeeperOptions {
  /** `127.0.0.1:2181`, or several members of one ensemble: when one fails, the next is asked. */
  readonly zooKeeperServers: string | readonly string[]
  /** What all nodes lie below, `/rpcx_test`. As in Go, slashes at its ends do not matter. */
  readonly basePath: string
  /** A node that must be there and counts as the root: `/team/a`. @default ZooKeeper's root */
  readonly chroot?: string
  /**
   * How long ZooKeeper keeps the entries of a server that crashed, in milliseconds from 1000. It grants what its own limits
   * allow, by default 2 to 20 of its ticks. @default 10_000
   */
  readonly sessionTimeoutMs?: number
  /** Whom the ACLs of nodes may mean, by ZooKeeper's scheme `digest`. @default nobody in particular, as in Go */
  readonly digest?: { readonly user: string; readonly password: string }
  /**
   * Speaks TLS, with these options of `node:tls`, to ZooKeeper's `secureClientPort`; `{}` trusts the system's authorities.
   * @default plain text
   */
  readonly tls?: Pick<
    ConnectionOptions,
    'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'rejectUnauthorized'
  >
}

export interface ZooKeeperRegisterPluginOptions extends RegisterPluginOptions, ZooKeeperOptions {
  /**
   * Who may do what with the nodes that we make, as `zkCli` writes it: `['auth::cdrwa', 'world:anyone:r']` is all for our own
   * `digest` and reading for others. @default 'world:anyone:cdrwa', as in Go
   */
  readonly acl?: string | readonly string[]
}

export interface ZooKeeperDiscoveryOptions extends RegistryDiscoveryOptions, ZooKeeperOptions {}
