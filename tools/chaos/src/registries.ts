import { ConsulDiscovery, ConsulRegisterPlugin } from '@rpcx/consul'
import type { RegistryDiscovery, ServerPlugin } from '@rpcx/core'
import { EtcdDiscovery, EtcdRegisterPlugin } from '@rpcx/etcd'
import type { Kind } from '@rpcx/servers'
import { ZooKeeperDiscovery, ZooKeeperRegisterPlugin } from '@rpcx/zookeeper'

/** What a process has to know of the registry. */
export interface RegistrySettings {
  readonly kind: Kind
  /** `host:port` */
  readonly address: string
}

/** How long an entry lives after the last sign of life of its server, in milliseconds. */
export const TTL_MS: Record<Kind, number> = { etcd: 3_000, zookeeper: 2_000, consul: 2_000 }

/** When a server that was killed is gone from every list, as promised. */
export const GONE_MS: Record<Kind, number> = { etcd: 5_000, zookeeper: 3_200, consul: 6_000 }

/** Without a leading slash for Consul, whose keys have none. */
export function basePathOf(kind: Kind): string {
  return kind === 'consul' ? 'chaos' : '/chaos'
}

/** @param serviceAddress what to register, when it is not where the server listens */
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
