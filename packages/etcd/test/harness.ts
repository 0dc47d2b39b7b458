import type { Server as Registry } from '@rpcx/servers'
import { Program, RegistryHarness } from '@rpcx/testing'
import type { EtcdDiscoveryOptions, EtcdRegisterPluginOptions } from '../src/index.ts'
import { EtcdDiscovery, EtcdRegisterPlugin } from '../src/index.ts'
import { Gateway } from './gateway.ts'

/** The TTL of leases in tests. */
export const TTL_MS = 3_000

/** The servers and clients of one test at one etcd. */
export class Harness extends RegistryHarness<EtcdRegisterPluginOptions> {
  readonly gateway: Gateway

  /** @param through the addresses at which they reach it, if not directly */
  constructor(etcd: Pick<Registry, 'address'>, through: string | readonly string[] = etcd.address) {
    super(through)
    this.gateway = new Gateway(etcd.address)
  }

  key(service: string, address = ''): string {
    return `${this.basePath}/${service}${address && `/${address}`}`
  }

  override plugin(options: Partial<EtcdRegisterPluginOptions> = {}): EtcdRegisterPlugin {
    const { basePath, servers } = this
    const defaults = { etcdServers: servers, basePath, updateIntervalMs: 0, ttlMs: TTL_MS }
    return new EtcdRegisterPlugin({ ...defaults, ...options })
  }

  override discovery(options: Partial<EtcdDiscoveryOptions> = {}): EtcdDiscovery {
    const { basePath, servers } = this
    return this.open(new EtcdDiscovery({ etcdServers: servers, basePath, ...options }))
  }

  override program(name: string, settings: object = {}): Program {
    const { basePath, servers } = this
    const file = new URL(`./programs/${name}.ts`, import.meta.url)
    return this.open(new Program(file, { basePath, etcdServers: servers, ttlMs: TTL_MS, ...settings }))
  }
}
