import type { ConnectionOptions } from 'node:tls'
import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'

/** Where the registry is, and how it is reached. */
export interface ConsulOptions {
  /** `127.0.0.1:8500`, or several agents of one datacenter: when one fails, the next is asked. */
  readonly consulServers: string | readonly string[]
  /** What all keys begin with, `rpcx_test`. As in Go, slashes at its ends do not matter. */
  readonly basePath: string
  /** The ACL token. @default the rights of Consul's anonymous token */
  readonly token?: string
  /** Speaks HTTPS, with these options of `node:tls`; `{}` trusts the system's authorities. @default plain HTTP */
  readonly tls?: Pick<
    ConnectionOptions,
    'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'rejectUnauthorized'
  >
}

export interface ConsulRegisterPluginOptions extends RegisterPluginOptions, ConsulOptions {
  /**
   * How long Consul keeps the entries of a server that crashed, in milliseconds from 1000; it may take twice as long. Consul
   * has a lower limit of its own, 10 s unless its configuration says otherwise (`session_ttl_min`). @default 10_000
   */
  readonly ttlMs?: number
  /**
   * Whether entries go as soon as Consul takes their agent for dead. Crashed hosts are noticed sooner; but an agent that is
   * restarted takes the servers with it. @default false
   */
  readonly nodeChecks?: boolean
  /**
   * Whether each service is also one of Consul's own catalogue, where DNS and all of Consul's tools find it. Its name must then
   * be one that DNS can carry, and its address a host and a port; the agents must be those of the server's host, as with any
   * service of Consul. @default false
   */
  readonly catalog?: boolean
  /**
   * How the catalogue knows that the server is well: `ttl`, as it says so itself as long as `server.health` is `ready`; critical
   * `ttlMs` after the last time · `tcp`, as the agent can connect, tried every `ttlMs`. @default 'ttl'
   */
  readonly check?: 'ttl' | 'tcp'
  /** How long its check is critical before the agent drops a service, in milliseconds from 60_000. @default 60_000 */
  readonly deregisterAfterMs?: number
}

interface AnyDiscoveryOptions extends RegistryDiscoveryOptions, Omit<ConsulOptions, 'basePath'> {
  /**
   * `default`: what the leader says · `consistent`: what it says once it is sure to be the leader · `stale`: what any server
   * says, perhaps a little late, also while there is no leader. @default 'default'
   */
  readonly consistency?: 'default' | 'consistent' | 'stale'
}

/** How servers are found in keys and values. */
export interface ConsulKvDiscoveryOptions extends AnyDiscoveryOptions, Pick<ConsulOptions, 'basePath'> {
  /** Keys and values. @default 'kv' */
  readonly source?: 'kv'
  /** The datacenter whose servers are followed. @default the agent's own */
  readonly datacenter?: string
}

/** How servers are found in Consul's own catalogue. */
export interface ConsulCatalogDiscoveryOptions extends AnyDiscoveryOptions {
  /** `catalog`: Consul's own. */
  readonly source: 'catalog'
  /**
   * The datacenters whose servers are followed: those of the first that has any; when it has none or cannot be reached, of the
   * next, and back. @default the agent's own
   */
  readonly datacenters?: readonly string[]
  /** What a server must have, all of them; `group`s of rpcx are tags. @default any server will do */
  readonly tags?: readonly string[]
  /** Where a server must be: its `zone`, or that of its node's meta. @default anywhere */
  readonly zones?: readonly string[]
  /** Whether servers whose checks warn, or are critical, are left out. @default true */
  readonly passingOnly?: boolean
}

/**
 * `source: 'kv'`, unless it is given: what rpcx itself wrote, in Go or in TypeScript · `source: 'catalog'`: the services of
 * Consul's own catalogue, whoever registered them. Of a token without `service:read` and `node:read`, Consul does not say so:
 * the list is then empty.
 */
export type ConsulDiscoveryOptions = ConsulKvDiscoveryOptions | ConsulCatalogDiscoveryOptions
