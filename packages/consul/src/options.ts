import type { ConnectionOptions } from 'node:tls'
import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'

/** The addresses of Consul, and how to connect. */
export interface ConsulOptions {
  /** `127.0.0.1:8500`, or several agents of one datacenter. If one fails, rpcx uses the next. */
  readonly consulServers: string | readonly string[]
  /** The prefix of all keys, such as `rpcx_test`. Slashes at its ends do not matter, as in Go. */
  readonly basePath: string
  /** The ACL token. @default the rights of Consul's anonymous token */
  readonly token?: string
  /** Uses HTTPS with these options of `node:tls`; `{}` trusts the authorities of the system. @default plain HTTP */
  readonly tls?: Pick<
    ConnectionOptions,
    'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'rejectUnauthorized'
  >
}

export interface ConsulRegisterPluginOptions extends RegisterPluginOptions, ConsulOptions {
  /**
   * How long Consul keeps the entries of a crashed server, in milliseconds from 1000; it may take twice as long. Consul has its own
   * lower limit, `session_ttl_min` in its configuration, 10 s by default. @default 10_000
   */
  readonly ttlMs?: number
  /**
   * Whether Consul removes entries as soon as it considers their agent dead. It then notices crashed hosts sooner, but the restart of an
   * agent removes its servers. @default false
   */
  readonly nodeChecks?: boolean
  /**
   * Whether each service also registers in Consul's own catalogue, for DNS and Consul's tools. The name of the service must be valid in
   * DNS, its address must be a host and a port, and the agents must be those of the server's host. @default false
   */
  readonly catalog?: boolean
  /**
   * The health check in the catalogue. `ttl`: the server reports itself while `server.health` is `ready`; the check is critical `ttlMs`
   * after the last report. `tcp`: the agent connects every `ttlMs`. @default 'ttl'
   */
  readonly check?: 'ttl' | 'tcp'
  /** How long a check must be critical before the agent removes the service, in milliseconds from 60_000. @default 60_000 */
  readonly deregisterAfterMs?: number
}

/** What both kinds of discovery take. */
export interface ConsulSharedDiscoveryOptions
  extends RegistryDiscoveryOptions,
    Omit<ConsulOptions, 'basePath'> {
  /**
   * The consistency of reads. `default`: the leader answers. `consistent`: the leader verifies first that it is the leader. `stale`: any
   * server answers, even without a leader; the answer may be old. @default 'default'
   */
  readonly consistency?: 'default' | 'consistent' | 'stale'
}

/** Options of a discovery in keys and values. */
export interface ConsulKvDiscoveryOptions
  extends ConsulSharedDiscoveryOptions,
    Pick<ConsulOptions, 'basePath'> {
  /** Keys and values. @default 'kv' */
  readonly source?: 'kv'
  /** The datacenter of the servers. @default that of the agent */
  readonly datacenter?: string
}

/** Options of a discovery in Consul's own catalogue. */
export interface ConsulCatalogDiscoveryOptions extends ConsulSharedDiscoveryOptions {
  /** `catalog`: Consul's own. */
  readonly source: 'catalog'
  /**
   * The datacenters of the servers, in order of preference. The discovery lists the servers of the first datacenter that is reachable
   * and has any. @default that of the agent
   */
  readonly datacenters?: readonly string[]
  /** Tags that a server must have, all of them; each `group` of rpcx is a tag. @default none */
  readonly tags?: readonly string[]
  /** Accepted zones: the `zone` of a server, or that in the meta of its node. @default all */
  readonly zones?: readonly string[]
  /** Whether to exclude servers with a warning or critical check. @default true */
  readonly passingOnly?: boolean
}

/**
 * `source: 'kv'`, unless it is given: what rpcx itself wrote, in Go or in TypeScript · `source: 'catalog'`: the services of
 * Consul's own catalogue, whoever registered them. Of a token without `service:read` and `node:read`, Consul does not say so:
 * the list is then empty.
 */
export type ConsulDiscoveryOptions = ConsulKvDiscoveryOptions | ConsulCatalogDiscoveryOptions
