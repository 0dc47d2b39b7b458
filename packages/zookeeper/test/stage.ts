import { randomBytes } from 'node:crypto'
import { Server, XClient } from '@rpcx/core'
import type { Server as Registry, TcpProxy } from '@rpcx/servers'
import { startProxy } from '@rpcx/servers'
import type { Log, Told } from '@rpcx/testing'
import { heardOfServer, Program, View } from '@rpcx/testing'
import type { ZooKeeperRegisterPluginOptions, ZookeeperDiscoveryOptions } from '../src/index.ts'
import { ZooKeeperRegisterPlugin, ZookeeperDiscovery } from '../src/index.ts'
import { Hand } from './hand.ts'

export interface EchoService {
  Echo(value: unknown): unknown
}

export type MemberOptions = Partial<ZooKeeperRegisterPluginOptions> & {
  readonly listen?: string
  readonly metadata?: string
}

/** A server, and what it told. */
export interface Member {
  readonly server: Server
  readonly told: Log<Told>
  readonly address: string
}

/** What all sessions ask for here, and get with ticks of 200 ms. */
export const SESSION_MS = 2_000

/** One test's servers and clients around one ZooKeeper, below a base path of their own. Closes what it opened. */
export class Stage implements AsyncDisposable {
  readonly hand: Hand
  readonly basePath: string = `/test_${randomBytes(5).toString('hex')}`
  readonly zooKeeperServers: string | readonly string[]
  readonly #opened: { close(): Promise<unknown> }[] = []

  private constructor(hand: Hand, zooKeeperServers: string | readonly string[]) {
    this.hand = this.open(hand)
    this.zooKeeperServers = zooKeeperServers
  }

  /** @param through where they reach it, when not directly */
  static async open(
    zooKeeper: Pick<Registry, 'address'>,
    through: string | readonly string[] = zooKeeper.address,
  ): Promise<Stage> {
    return new Stage(await Hand.open(zooKeeper.address), through)
  }

  path(service: string, address = ''): string {
    return `${this.basePath}/${service}${address && `/${address}`}`
  }

  /** A server that offers one method, `Echo`; started, and visible to others unless the registry is out of reach. */
  async member(service: string, options: MemberOptions = {}): Promise<Member> {
    const { listen = '127.0.0.1:0', metadata = '', ...plugin } = options
    const server = this.open(new Server({ lingerMs: 50, startTimeoutMs: 200, noticeMs: 0 }))
    const told = heardOfServer(server)
    server.plugins.add(this.plugin(plugin))
    server.registerName(service, { Echo: (value: unknown) => value }, metadata)
    await server.serve('tcp', listen)
    return { server, told, address: options.serviceAddress?.toString() ?? (server.address as string) }
  }

  /** As `member`, and waits until others can see it. */
  async published(service: string, options?: MemberOptions): Promise<Member> {
    const member = await this.member(service, options)
    await member.server.published()
    return member
  }

  plugin(options: Partial<ZooKeeperRegisterPluginOptions> = {}): ZooKeeperRegisterPlugin {
    const { basePath, zooKeeperServers } = this
    const defaults = { basePath, zooKeeperServers, updateIntervalMs: 0, sessionTimeoutMs: SESSION_MS }
    return new ZooKeeperRegisterPlugin({ ...defaults, ...options })
  }

  discovery(options: Partial<ZookeeperDiscoveryOptions> = {}): ZookeeperDiscovery {
    const { basePath, zooKeeperServers } = this
    const defaults = { basePath, zooKeeperServers, sessionTimeoutMs: SESSION_MS }
    return this.open(new ZookeeperDiscovery({ ...defaults, ...options }))
  }

  view(service: string, discovery: ZookeeperDiscovery = this.discovery()): View {
    return new View(discovery, service)
  }

  client(service: string, discovery: ZookeeperDiscovery = this.discovery()): XClient<EchoService> {
    return this.open(new XClient<EchoService>(service, discovery, { selectMode: 'roundRobin' }))
  }

  async proxy(target = this.zooKeeperServers as string): Promise<TcpProxy> {
    return this.open(await startProxy(target))
  }

  /** A program of `test/programs` in a process of its own. */
  program(name: string, settings: object): Program {
    const { basePath, zooKeeperServers } = this
    const all = { basePath, zooKeeperServers, sessionTimeoutMs: SESSION_MS, ...settings }
    return this.open(new Program(new URL(`./programs/${name}.ts`, import.meta.url), all))
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
