import type { Discovery, ServerPlugin } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'
import { EtcdDiscovery, EtcdRegisterPlugin } from '@rpcx/etcd'
import { startEtcd } from '@rpcx/servers'

/** What a server process needs to know of the registry. */
export interface RegistrySettings {
  readonly name: string
  /** `host:port`, when there is one. */
  readonly address: string
}

/** The registry of a tour, ready to be used. */
export interface TourRegistry extends AsyncDisposable {
  readonly title: string
  readonly settings: RegistrySettings
  /** @param servers their addresses, for those who have no registry to ask */
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
    // A server that crashed is forgotten after 2 s.
    plugin: address =>
      new EtcdRegisterPlugin({ etcdServers: [address], basePath: '/rpcx_tour', updateIntervalMs: 1_000 }),
  },
}

export const registryNames: readonly string[] = Object.keys(kinds)

export function openRegistry(name: string): Promise<TourRegistry> {
  return kindOf(name).open()
}

export function registerPlugin({ name, address }: RegistrySettings): ServerPlugin | undefined {
  return kindOf(name).plugin?.(address)
}

function kindOf(name: string): Kind {
  const kind = kinds[name]
  if (kind === undefined) throw new TypeError(`${name} is none of ${registryNames.join(', ')}`)
  return kind
}
