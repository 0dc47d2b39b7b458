import type { Server as Registry } from '@rpcx/servers'
import { Program, RegistryHarness } from '@rpcx/testing'
import type { ZooKeeperDiscoveryOptions, ZooKeeperRegisterPluginOptions } from '../src/index.ts'
import { ZooKeeperDiscovery, ZooKeeperRegisterPlugin } from '../src/index.ts'
import { RawClient } from './raw-client.ts'

/** The session timeout in tests, which servers with ticks of 200 ms grant. */
export const SESSION_MS = 2_000

/** The servers and clients of one test at one ZooKeeper. */
export class Harness extends RegistryHarness<ZooKeeperRegisterPluginOptions> {
  readonly raw: RawClient

  private constructor(raw: RawClient, servers: string | readonly string[]) {
    super(servers)
    this.raw = this.open(raw)
  }

  /** @param through the addresses at which they reach it, if not directly */
  static async open(
    zooKeeper: Pick<Registry, 'address'>,
    through: string | readonly string[] = zooKeeper.address,
  ): Promise<Harness> {
    return new Harness(await RawClient.open(zooKeeper.address), through)
  }

  path(service: string, address = ''): string {
    return `${this.basePath}/${service}${address && `/${address}`}`
  }

  override plugin(options: Partial<ZooKeeperRegisterPluginOptions> = {}): ZooKeeperRegisterPlugin {
    return new ZooKeeperRegisterPlugin({ ...this.#defaults, updateIntervalMs: 0, ...options })
  }

  override discovery(options: Partial<ZooKeeperDiscoveryOptions> = {}): ZooKeeperDiscovery {
    return this.open(new ZooKeeperDiscovery({ ...this.#defaults, ...options }))
  }

  override program(name: string, settings: object = {}): Program {
    const file = new URL(`./programs/${name}.ts`, import.meta.url)
    return this.open(new Program(file, { ...this.#defaults, ...settings }))
  }

  get #defaults(): ZooKeeperDiscoveryOptions {
    return { basePath: this.basePath, zooKeeperServers: this.servers, sessionTimeoutMs: SESSION_MS }
  }
}
