import { ConsulDiscovery, ConsulRegisterPlugin } from '@rpcx/consul'
import type { Discovery, ServerPlugin } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'
import { EtcdDiscovery, EtcdRegisterPlugin } from '@rpcx/etcd'
import { MDNSDiscovery, MDNSRegisterPlugin } from '@rpcx/mdns'
import { multicastPort, startConsul, startEtcd, startZooKeeper } from '@rpcx/servers'
import { ZooKeeperDiscovery, ZooKeeperRegisterPlugin } from '@rpcx/zookeeper'
import { loopbackCarriesMulticast } from './multicast.ts'

/** What a server process needs to know about the registry. */
export interface RegistrySettings {
  readonly name: string
  /** The `host:port` of the registry, if it has one. */
  readonly address: string
}

/** The running registry of a tour. */
export interface TourRegistry extends AsyncDisposable {
  readonly title: string
  readonly settings: RegistrySettings
  /** @param servers the addresses of the servers, for a fixed list */
  discovery(servers: readonly string[]): Discovery
}

interface Kind {
  open(): Promise<TourRegistry>
  plugin?(address: string): ServerPlugin
}

const kinds: Record<string, Kind> = {
  'multiple-servers': {
    open: async () => ({
      title: 'no registry: the client knows three servers (MultipleServers)',
      settings: { name: 'multiple-servers', address: '' },
      discovery: servers => new MultipleServersDiscovery(servers.map(key => ({ key }))),
      async [Symbol.asyncDispose]() {},
    }),
  },
  mdns: {
    async open() {
      const settings = { name: 'mdns', address: `127.0.0.1:${multicastPort()}` }
      return {
        title: `no registry: servers announce themselves by multicast DNS, on loopback (${settings.address})`,
        settings,
        discovery: () => new MDNSDiscovery(loopback(settings.address)),
        async [Symbol.asyncDispose]() {},
      }
    },
    plugin: address => new MDNSRegisterPlugin(loopback(address)),
  },
  etcd: {
    async open() {
      const etcd = await startEtcd()
      const { address } = etcd
      return {
        title: `etcd at ${address}`,
        settings: { name: 'etcd', address },
        discovery: () => new EtcdDiscovery({ etcdServers: [address], basePath: '/rpcx_tour' }),
        [Symbol.asyncDispose]: () => etcd.stop(),
      }
    },
    // The entry of a crashed server expires after 2 s.
    plugin: address =>
      new EtcdRegisterPlugin({ etcdServers: [address], basePath: '/rpcx_tour', updateIntervalMs: 1_000 }),
  },
  zookeeper: {
    async open() {
      const zooKeeper = await startZooKeeper()
      const { address } = zooKeeper
      return {
        title: `ZooKeeper at ${address}`,
        settings: { name: 'zookeeper', address },
        discovery: () => new ZooKeeperDiscovery({ zooKeeperServers: [address], basePath: '/rpcx_tour' }),
        [Symbol.asyncDispose]: () => zooKeeper.stop(),
      }
    },
    plugin: address =>
      new ZooKeeperRegisterPlugin({
        zooKeeperServers: [address],
        basePath: '/rpcx_tour',
        sessionTimeoutMs: 2_000,
      }),
  },
  consul: {
    async open() {
      // By default, Consul keeps the entries of crashed servers for at least ten seconds.
      const consul = await startConsul({ sessionTtlMinMs: 1_000 })
      const { address } = consul
      return {
        title: `Consul at ${address}`,
        settings: { name: 'consul', address },
        discovery: () => new ConsulDiscovery({ consulServers: [address], basePath: 'rpcx_tour' }),
        [Symbol.asyncDispose]: () => consul.stop(),
      }
    },
    plugin: address =>
      new ConsulRegisterPlugin({ consulServers: [address], basePath: 'rpcx_tour', ttlMs: 1_000 }),
  },
}

export const registryNames: readonly string[] = Object.keys(kinds)

export function openRegistry(name: string): Promise<TourRegistry> {
  return kindOf(name).open()
}

export function registerPlugin({ name, address }: RegistrySettings): ServerPlugin | undefined {
  return kindOf(name).plugin?.(address)
}

/** Needs no registry, but works only with multicast. */
export async function defaultRegistry(): Promise<string> {
  return (await loopbackCarriesMulticast()) ? 'mdns' : 'multiple-servers'
}

function loopback(address: string): { interfaces: string; port: number } {
  const [interfaces = '', port] = address.split(':')
  return { interfaces, port: Number(port) }
}

function kindOf(name: string): Kind {
  const kind = kinds[name]
  if (kind === undefined) throw new TypeError(`${name} is none of ${registryNames.join(', ')}`)
  return kind
}
