import { ConsulDiscovery, ConsulRegisterPlugin } from '@rpcx/consul'
import type { RegistryDiscovery, ServerPlugin } from '@rpcx/core'
import { EtcdDiscovery, EtcdRegisterPlugin } from '@rpcx/etcd'
import type { Kind } from '@rpcx/servers'
import { ZooKeeperDiscovery, ZooKeeperRegisterPlugin } from '@rpcx/zookeeper'

/** What a process needs to know about the registry. */
export interface RegistrySettings {
  readonly kind: Kind
  /** `host:port` */
  readonly address: string
}

/** The TTL of an entry, in milliseconds. */
export const TTL_MS: Record<Kind, number> = { etcd: 3_000, zookeeper: 2_000, consul: 2_000 }

/** The promised time after which a killed server is in no list any more. */
export const GONE_MS: Record<Kind, number> = { etcd: 5_000, zookeeper: 3_200, consul: 6_000 }

/** Without a leading slash for Consul, because its keys have none. */
export function basePathOf(kind: Kind): string {
  return kind === 'consul' ? 'chaos' : '/chaos'
}

/** @param serviceAddress the address to register, if the server listens elsewhere */
export function registerPlugin({ kind, address }: RegistrySettings, serviceAddress?: string): ServerPlugin {
  const common = {
    basePath: basePathOf(kind),
    updateIntervalMs: 1_000,
    ...(serviceAddress !== undefined && { serviceAddress }),
  }
  switch (kind) {
    case 'etcd':
      return new EtcdRegisterPlugin({ ...common, etcdServers: address, ttlMs: TTL_MS.etcd })
    case 'zookeeper':
      return new ZooKeeperRegisterPlugin({
        ...common,
        zooKeeperServers: address,
        sessionTimeoutMs: TTL_MS.zookeeper,
      })
    case 'consul':
      return new ConsulRegisterPlugin({ ...common, consulServers: address, ttlMs: TTL_MS.consul })
  }
}

export function openDiscovery({ kind, address }: RegistrySettings): RegistryDiscovery {
  const basePath = basePathOf(kind)
  switch (kind) {
    case 'etcd':
      return new EtcdDiscovery({ basePath, etcdServers: address })
    case 'zookeeper':
      return new ZooKeeperDiscovery({
        basePath,
        zooKeeperServers: address,
        sessionTimeoutMs: TTL_MS.zookeeper,
      })
    case 'consul':
      return new ConsulDiscovery({ basePath, consulServers: address })
  }
}
