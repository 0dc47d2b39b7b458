import { Server, XClient } from '@rpcx/core'
import { multicastPort } from '@rpcx/servers'
import type { Log, RecordedEvent } from '@rpcx/testing'
import { eventsOfServer, Program, View } from '@rpcx/testing'
import type { MDNSDiscoveryOptions, MDNSRegisterPluginOptions } from '../src/index.ts'
import { MDNSDiscovery, MDNSRegisterPlugin } from '../src/index.ts'
import { Neighbour } from './neighbour.ts'

export interface EchoService {
  Echo(value: unknown): unknown
}

type PluginOptions = Partial<MDNSRegisterPluginOptions> & {
  readonly listen?: string
  readonly metadata?: string
}

/** A server, with a log of its events. */
export interface Member {
  readonly server: Server
  readonly events: Log<RecordedEvent>
  readonly address: string
}

/** The servers and clients of one test on the loopback interface, on a port of their own. Closes everything that it opened. */
export class Harness implements AsyncDisposable {
  readonly interfaces: string = '127.0.0.1'
  readonly port: number = multicastPort()
  readonly #opened: { close(): Promise<unknown> }[] = []

  /** Starts a server with one method, `Echo`. Resolves when others can see it. */
  async member(service: string, options: PluginOptions = {}): Promise<Member> {
    const { listen = '127.0.0.1:0', metadata = '', ...plugin } = options
    const server = this.open(new Server({ lingerMs: 50, startTimeoutMs: 200 }))
    const events = eventsOfServer(server)
    server.plugins.add(this.plugin(plugin))
    server.registerName(service, { Echo: (value: unknown) => value }, metadata)
    await server.serve('tcp', listen)
    await server.published()
    return { server, events, address: options.serviceAddress?.toString() ?? (server.address as string) }
  }

  plugin(options: Partial<MDNSRegisterPluginOptions> = {}): MDNSRegisterPlugin {
    const { interfaces, port } = this
    return new MDNSRegisterPlugin({ interfaces, port, updateIntervalMs: 0, ...options })
  }

  discovery(options: Partial<MDNSDiscoveryOptions> = {}): MDNSDiscovery {
    const { interfaces, port } = this
    return this.open(new MDNSDiscovery({ interfaces, port, ...options }))
  }

  view(service: string, discovery: MDNSDiscovery = this.discovery()): View {
    return new View(discovery, service)
  }

  client(service: string, discovery: MDNSDiscovery = this.discovery()): XClient<EchoService> {
    return this.open(new XClient<EchoService>(service, discovery, { selectMode: 'roundRobin' }))
  }

  /** Starts a program of `test/programs` in its own process. */
  program(name: string, settings: object = {}): Program {
    const { interfaces, port } = this
    const file = new URL(`./programs/${name}.ts`, import.meta.url)
    return this.open(new Program(file, { interfaces, port, ...settings }))
  }

  /** Another host on the network, which sends what the test says. */
  async neighbour(): Promise<Neighbour> {
    return this.open(await Neighbour.join(this.port))
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
