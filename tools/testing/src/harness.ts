import { randomBytes } from 'node:crypto'
import type { Discovery, RegisterPluginOptions, RegistryDiscovery, ServerPlugin } from '@rpcx/core'
import { Server, XClient } from '@rpcx/core'
import type { TcpProxy } from '@rpcx/servers'
import { startProxy } from '@rpcx/servers'
import type { RecordedEvent } from './events.ts'
import { eventsOfServer } from './events.ts'
import type { Log } from './log.ts'
import type { Program } from './program.ts'
import { View } from './view.ts'

/** The servers and clients of one test in one registry, below their own base path. Closes everything that it opened. */
export abstract class RegistryHarness<P extends RegisterPluginOptions = RegisterPluginOptions>
  implements AsyncDisposable
{
  readonly basePath: string
  /** The addresses at which they reach the registry. */
  readonly servers: string | readonly string[]
  protected readonly startTimeoutMs: number = 200
  readonly #opened: { close(): Promise<unknown> }[] = []

  constructor(servers: string | readonly string[], root = '/') {
    this.servers = servers
    this.basePath = `${root}test_${randomBytes(5).toString('hex')}`
  }

  abstract plugin(options?: Partial<P>): ServerPlugin

  abstract discovery(options?: object): RegistryDiscovery

  /** Starts a program of `test/programs` in its own process. */
  abstract program(name: string, settings?: object): Program

  /** Starts a server with one method, `Echo`. Resolves when it is registered, or when the registry does not respond in time. */
  async member(service: string, options?: MemberOptions<P>): Promise<Member> {
    // A required registration gets more time, because a slow registry is not a missing one.
    const patienceMs = options?.required ? 10_000 : this.startTimeoutMs
    const startTimeoutMs = options?.startTimeoutMs ?? patienceMs
    const server = this.open(new Server({ lingerMs: 50, noticeMs: 0, startTimeoutMs }))
    const events = eventsOfServer(server)
    const { listen: _listen, metadata: _metadata, startTimeoutMs: _startTimeoutMs, ...own } = options ?? {}
    server.plugins.add(this.plugin(own as unknown as Partial<P>))
    server.registerName(service, { Echo: (value: unknown) => value }, options?.metadata ?? '')
    await server.serve('tcp', options?.listen ?? '127.0.0.1:0')
    return { server, events, address: options?.serviceAddress?.toString() ?? (server.address as string) }
  }

  /** Does what `member` does, and waits until others can see the server. */
  async published(service: string, options?: MemberOptions<P>): Promise<Member> {
    const member = await this.member(service, options)
    await member.server.published()
    return member
  }

  view(service: string, discovery: Discovery = this.discovery()): View {
    return new View(discovery, service)
  }

  client(service: string, discovery: Discovery = this.discovery()): XClient<EchoService> {
    return this.open(new XClient<EchoService>(service, discovery, { selectMode: 'roundRobin' }))
  }

  async proxy(target: string = [this.servers].flat()[0] as string): Promise<TcpProxy> {
    return this.open(await startProxy(target))
  }

  open<T extends { close(): Promise<unknown> }>(opened: T): T {
    this.#opened.push(opened)
    return opened
  }

  /** Closes in the reverse order of opening. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened.splice(0).reverse()) await opened.close()
  }
}

/** The service of every server of a harness. */
export interface EchoService {
  Echo(value: unknown): unknown
}

/** The options of the backend's plugin and of the server. */
export type MemberOptions<P extends RegisterPluginOptions> = Partial<P> & {
  readonly listen?: string
  readonly metadata?: string
  readonly startTimeoutMs?: number
}

/** A server, with a log of its events. */
export interface Member {
  readonly server: Server
  readonly events: Log<RecordedEvent>
  readonly address: string
}
