import { randomBytes } from 'node:crypto'
import type { DiscoveryEvents, ServerEvents } from '@rpcx/core'
import { Server, XClient } from '@rpcx/core'
import type { Server as Registry, TcpProxy } from '@rpcx/servers'
import { startProxy } from '@rpcx/servers'
import { Log, Program, View } from '@rpcx/testing'
import type { EtcdDiscoveryOptions, EtcdRegisterPluginOptions } from '../src/index.ts'
import { EtcdDiscovery, EtcdRegisterPlugin } from '../src/index.ts'
import { Gateway } from './gateway.ts'

export interface Told {
  readonly event: keyof ServerEvents | keyof DiscoveryEvents
  readonly service?: string
  readonly address?: string
  readonly why?: string
  readonly error?: Error
}

export interface EchoService {
  Echo(value: unknown): unknown
}

type PluginOptions = Partial<EtcdRegisterPluginOptions> & {
  readonly listen?: string
  readonly metadata?: string
}

/** A server, and what it told. */
export interface Member {
  readonly server: Server
  readonly told: Log<Told>
  readonly address: string
}

/** One test's servers and clients around one etcd, below a base path of their own. Closes what it opened. */
export class Stage implements AsyncDisposable {
  readonly gateway: Gateway
  readonly basePath: string = `/test_${randomBytes(5).toString('hex')}`
  readonly etcdServers: string | readonly string[]
  readonly #opened: { close(): Promise<unknown> }[] = []

  /** @param through where they reach it, when not directly */
  constructor(etcd: Pick<Registry, 'address'>, through: string | readonly string[] = etcd.address) {
    this.gateway = new Gateway(etcd.address)
    this.etcdServers = through
  }

  key(service: string, address = ''): string {
    return `${this.basePath}/${service}${address && `/${address}`}`
  }

  /** A server that offers one method, `Echo`; started, and visible to others unless the registry is out of reach. */
  async member(service: string, options: PluginOptions = {}): Promise<Member> {
    const { listen = '127.0.0.1:0', metadata = '', ...plugin } = options
    const server = this.open(new Server({ lingerMs: 50, startTimeoutMs: 200, noticeMs: 0 }))
    const told = heard(server, SERVER_EVENTS)
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

  plugin(options: Partial<EtcdRegisterPluginOptions> = {}): EtcdRegisterPlugin {
    const { basePath, etcdServers } = this
    return new EtcdRegisterPlugin({ etcdServers, basePath, updateIntervalMs: 0, ttlMs: 3_000, ...options })
  }

  discovery(options: Partial<EtcdDiscoveryOptions> = {}): EtcdDiscovery {
    const { basePath, etcdServers } = this
    return this.open(new EtcdDiscovery({ etcdServers, basePath, ...options }))
  }

  view(service: string, discovery: EtcdDiscovery = this.discovery()): View {
    return new View(discovery, service)
  }

  client(service: string, discovery: EtcdDiscovery = this.discovery()): XClient<EchoService> {
    return this.open(new XClient<EchoService>(service, discovery, { selectMode: 'roundRobin' }))
  }

  async proxy(target: string = [this.etcdServers].flat()[0] as string): Promise<TcpProxy> {
    return this.open(await startProxy(target))
  }

  /** A program of `test/programs` in a process of its own. */
  program(name: string, settings: object = {}): Program {
    const { basePath, etcdServers } = this
    const file = new URL(`./programs/${name}.ts`, import.meta.url)
    return this.open(new Program(file, { basePath, etcdServers, ...settings }))
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

/** What a server or a discovery tells from now on. */
export function heard(
  from: { on(event: never, listener: (detail: never) => void): unknown },
  events: readonly Told['event'][],
): Log<Told> {
  const log = new Log<Told>()
  for (const event of events) {
    from.on(event as never, (detail: object) => log.add({ ...detail, event }))
  }
  return log
}

export const SERVER_EVENTS: readonly (keyof ServerEvents)[] = [
  'registered',
  'lost',
  'conflict',
  'withdrawn',
  'registryDown',
  'registryBack',
  'pluginFailed',
]

export const DISCOVERY_EVENTS: readonly (keyof DiscoveryEvents)[] = [
  'registryDown',
  'registryBack',
  'endpointAdded',
  'endpointChanged',
  'endpointRemoved',
  'entryIgnored',
]
