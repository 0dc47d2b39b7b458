import type { Server as Registry } from '@rpcx/servers'
import { Program, RegistryHarness } from '@rpcx/testing'
import type {
  ConsulCatalogDiscoveryOptions,
  ConsulKvDiscoveryOptions,
  ConsulRegisterPluginOptions,
} from '../src/index.ts'
import { ConsulDiscovery, ConsulRegisterPlugin } from '../src/index.ts'
import { RawClient } from './raw-client.ts'

/** The TTL of sessions in tests, the shortest that `session_ttl_min` allows. Consul may end a session after up to two TTLs. */
export const TTL_MS = 2_000

/** The servers and clients of one test at one Consul. */
export class Harness extends RegistryHarness<ConsulRegisterPluginOptions> {
  readonly raw: RawClient
  protected override readonly startTimeoutMs: number = 1_000

  /** @param through the addresses at which they reach it, if not directly */
  constructor(consul: Registry, through: string | readonly string[] = consul.address, token?: string) {
    super(through, '')
    this.raw = new RawClient(consul.address, token)
  }

  key(service: string, address = ''): string {
    return `${this.basePath}/${service}${address && `/${address}`}`
  }

  override plugin(options: Partial<ConsulRegisterPluginOptions> = {}): ConsulRegisterPlugin {
    const { basePath, servers } = this
    const defaults = { consulServers: servers, basePath, updateIntervalMs: 0, ttlMs: TTL_MS }
    return new ConsulRegisterPlugin({ ...defaults, ...options })
  }

  override discovery(options: Partial<ConsulKvDiscoveryOptions> = {}): ConsulDiscovery {
    const { basePath, servers } = this
    return this.open(new ConsulDiscovery({ consulServers: servers, basePath, ...options }))
  }

  catalog(options: Partial<ConsulCatalogDiscoveryOptions> = {}): ConsulDiscovery {
    return this.open(new ConsulDiscovery({ consulServers: this.servers, ...options, source: 'catalog' }))
  }

  override program(name: string, settings: object = {}): Program {
    const { basePath, servers } = this
    const file = new URL(`./programs/${name}.ts`, import.meta.url)
    return this.open(new Program(file, { basePath, consulServers: servers, ttlMs: TTL_MS, ...settings }))
  }
}
