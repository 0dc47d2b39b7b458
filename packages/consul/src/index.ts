import type { ConnectionOptions } from 'node:tls'
import type { RegisterPluginOptions, RegistryDiscoveryOptions } from '@rpcx/core'
import { RegisterPlugin, RegistryDiscovery } from '@rpcx/core'
import { ConsulDriver } from './driver.ts'

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
}

/** Registers a server in Consul's keys and values, where clients written in Go and in TypeScript find it. */
export class ConsulRegisterPlugin extends RegisterPlugin {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ConsulRegisterPluginOptions) {
    super(new ConsulDriver(options), options)
  }
}

export interface ConsulDiscoveryOptions extends RegistryDiscoveryOptions, ConsulOptions {
  /** The datacenter whose servers are followed. @default the agent's own */
  readonly datacenter?: string
  /**
   * `default`: what the leader says · `consistent`: what it says once it is sure to be the leader · `stale`: what any server
   * says, perhaps a little late, also while there is no leader. @default 'default'
   */
  readonly consistency?: 'default' | 'consistent' | 'stale'
}

/** Discovers servers in Consul's keys and values, whether they are written in Go or in TypeScript. */
export class ConsulDiscovery extends RegistryDiscovery {
  /** @throws TypeError or RangeError that names the option */
  constructor(options: ConsulDiscoveryOptions) {
    super(new ConsulDriver(options), options)
  }
}
