import { randomBytes } from 'node:crypto'
import { Server, XClient } from '@rpcx/core'
import type { Server as Registry, TcpProxy } from '@rpcx/servers'
import { startProxy } from '@rpcx/servers'
import type { Log, Told } from '@rpcx/testing'
import { heardOfServer, Program, View } from '@rpcx/testing'
import type {
  ConsulCatalogDiscoveryOptions,
  ConsulKvDiscoveryOptions,
  ConsulRegisterPluginOptions,
} from '../src/index.ts'
import { ConsulDiscovery, ConsulRegisterPlugin } from '../src/index.ts'
import { Hand } from './hand.ts'

/** The life of a session in tests: the shortest that `session_ttl_min` allows. Consul takes up to twice as long. */
export const TTL_MS = 2_000

export interface EchoService {
  Echo(value: unknown): unknown
}

type PluginOptions = Partial<ConsulRegisterPluginOptions> & {
  readonly listen?: string
  readonly metadata?: string
}

/** A server, and what it told. */
export interface Member {
  readonly server: Server
  readonly told: Log<Told>
  readonly address: string
}

/** One test's servers and clients around one Consul, below a base path of their own. Closes what it opened. */
export class Stage implements AsyncDisposable {
  readonly hand: Hand
  readonly basePath: string = `test_${randomBytes(5).toString('hex')}`
  readonly consulServers: string | readonly string[]
  readonly #opened: { close(): Promise<unknown> }[] = []

  /** @param through where they reach it, when not directly */
  constructor(consul: Registry, through: string | readonly string[] = consul.address, token?: string) {
    this.hand = new Hand(consul.address, token)
    this.consulServers = through
  }

  key(service: string, address = ''): string {
    return `${this.basePath}/${service}${address && `/${address}`}`
  }

  /** A server that offers one method, `Echo`; started, and visible to others unless the registry is out of reach. */
  async member(service: string, options: PluginOptions = {}): Promise<Member> {
    const { listen = '127.0.0.1:0', metadata = '', ...plugin } = options
    const server = this.open(new Server({ lingerMs: 50, noticeMs: 0, startTimeoutMs: 1_000 }))
    const told = heardOfServer(server)
    server.plugins.add(this.plugin(plugin))
    server.registerName(service, { Echo: (value: unknown) => value }, metadata)
    await server.serve('tcp', listen)
    return { server, told, address: options.serviceAddress?.toString() ?? (server.address as string) }
  }

  /** As `member`, and waits until others can see it. */
  async published(service: string, options?: PluginOptions): Promise<Member> {
    const member = await this.member(service, options)
    await member.server.published()
    return member
  }

  plugin(options: Partial<ConsulRegisterPluginOptions> = {}): ConsulRegisterPlugin {
    const { basePath, consulServers } = this
    return new ConsulRegisterPlugin({
      consulServers,
      basePath,
      updateIntervalMs: 0,
      ttlMs: TTL_MS,
      ...options,
    })
  }

  discovery(options: Partial<ConsulKvDiscoveryOptions> = {}): ConsulDiscovery {
    const { basePath, consulServers } = this
    return this.open(new ConsulDiscovery({ consulServers, basePath, ...options }))
  }

  catalog(options: Partial<ConsulCatalogDiscoveryOptions> = {}): ConsulDiscovery {
    const { consulServers } = this
    return this.open(new ConsulDiscovery({ consulServers, ...options, source: 'catalog' }))
  }

  view(service: string, discovery: ConsulDiscovery = this.discovery()): View {
    return new View(discovery, service)
  }

  client(service: string, discovery: ConsulDiscovery = this.discovery()): XClient<EchoService> {
    return this.open(new XClient<EchoService>(service, discovery, { selectMode: 'roundRobin' }))
  }

  async proxy(target: string = [this.consulServers].flat()[0] as string): Promise<TcpProxy> {
    return this.open(await startProxy(target))
  }

  /** A program of `test/programs` in a process of its own. */
  program(name: string, settings: object = {}): Program {
    const { basePath, consulServers } = this
    const file = new URL(`./programs/${name}.ts`, import.meta.url)
    return this.open(new Program(file, { basePath, consulServers, ...settings }))
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
