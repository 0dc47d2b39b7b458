import { randomBytes } from 'node:crypto'
import type { ServerEvents } from '@rpcx/core'
import { Server } from '@rpcx/core'
import type { Server as Registry, TcpProxy } from '@rpcx/servers'
import { startProxy } from '@rpcx/servers'
import { Log, View } from '@rpcx/testing'
import type { ZooKeeperRegisterPluginOptions } from '../src/index.ts'
import { ZooKeeperRegisterPlugin, ZookeeperDiscovery } from '../src/index.ts'
import { Hand } from './hand.ts'

export interface Told {
  readonly event: keyof ServerEvents
  readonly why?: string
}

/** A server, and what it told. */
export interface Member {
  readonly server: Server
  readonly told: Log<Told>
  readonly address: string
}

type PluginOptions = Partial<ZooKeeperRegisterPluginOptions> & { readonly metadata?: string }

/** One test's servers and clients around one ZooKeeper, below a base path of their own. Closes what it opened. */
export class Stage implements AsyncDisposable {
  readonly hand: Hand
  readonly basePath: string = `/test_${randomBytes(5).toString('hex')}`
  readonly zooKeeperServers: string
  readonly #opened: { close(): Promise<unknown> }[] = []

  private constructor(hand: Hand, zooKeeperServers: string) {
    this.hand = this.open(hand)
    this.zooKeeperServers = zooKeeperServers
  }

  static async open(zooKeeper: Registry): Promise<Stage> {
    return new Stage(await Hand.open(zooKeeper.address), zooKeeper.address)
  }

  path(service: string, address = ''): string {
    return `${this.basePath}/${service}${address && `/${address}`}`
  }

  /** A server that offers one method, `Echo`, and that others can see. */
  async published(service: string, options: PluginOptions = {}): Promise<Member> {
    const { metadata = '', ...plugin } = options
    const { basePath, zooKeeperServers } = this
    const server = this.open(new Server({ lingerMs: 50 }))
    const told = new Log<Told>()
    for (const event of TOLD) server.on(event, detail => told.add({ ...detail, event }))
    const settings = { basePath, zooKeeperServers, updateIntervalMs: 0, sessionTimeoutMs: 2_000, ...plugin }
    server.plugins.add(new ZooKeeperRegisterPlugin(settings))
    server.registerName(service, { Echo: (value: unknown) => value }, metadata)
    await server.serve('tcp', '127.0.0.1:0')
    await server.published()
    return { server, told, address: plugin.serviceAddress?.toString() ?? (server.address as string) }
  }

  view(service: string, zooKeeperServers: string = this.zooKeeperServers): View {
    const { basePath } = this
    return new View(
      this.open(new ZookeeperDiscovery({ basePath, zooKeeperServers, sessionTimeoutMs: 2_000 })),
      service,
    )
  }

  async proxy(): Promise<TcpProxy> {
    return this.open(await startProxy(this.zooKeeperServers))
  }

  open<T extends { close(): Promise<unknown> }>(opened: T): T {
    this.#opened.push(opened)
    return opened
  }

  /** Last opened, first closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened.splice(0).reverse()) await opened.close()
  }
}

const TOLD = ['registered', 'lost', 'conflict', 'withdrawn', 'registryDown', 'registryBack'] as const
