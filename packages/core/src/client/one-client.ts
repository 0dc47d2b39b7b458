import { guarded } from '../callbacks.ts'
import { checkClock } from '../clock.ts'
import type { Discovery } from '../discovery/discovery.ts'
import { checkDiscovery } from '../discovery/discovery.ts'
import { Events } from '../events.ts'
import type { Inform } from './call/fan-out.ts'
import type { Invocation } from './call/invocation.ts'
import type { MethodName, Out } from './call/methods.ts'
import type { ClientEvents } from './client-events.ts'
import type { SharedParts } from './connection/connection-pool.ts'
import { ConnectionPool, pushesTo } from './connection/connection-pool.ts'
import { ServiceClients } from './service-clients.ts'
import { checkOptions } from './settings.ts'
import type { Rest } from './xclient.ts'
import { XClient } from './xclient.ts'
import type { XClientOptions } from './xclient-options.ts'

/** The options that may differ per service. The other options belong to the connections, which all services share. */
export type OneClientServiceOptions = Omit<XClientOptions, OfConnections>

/** Options of a `OneClient`: those of an `XClient`, for all services or for single ones. */
export interface OneClientOptions extends Omit<XClientOptions, 'types'> {
  /** Options of single services, by name. They take precedence over the options for all services. @default none */
  readonly services?: Readonly<Record<string, OneClientServiceOptions>>
}

/** A client of one service of a `OneClient`. It has the methods of an `XClient` and uses the connections of the `OneClient`. */
export type ServiceClient<S extends object> = Pick<
  XClient<S>,
  'call' | 'invoke' | 'notify' | 'broadcast' | 'fork' | 'inform' | 'ready' | 'snapshot'
>

/** Services without declared types: any service name, any method, any arguments. */
export type AnyServices = Record<string, Record<string, (args?: unknown) => unknown>>

/**
 * A client of many services that share one pool of connections, with one connection per server, as in Go's OneClient
 * (client/oneclient.go). It starts to watch a service at the first use. It stops after ten minutes without calls, or after one minute
 * when the service has no servers. `Services` maps the names of the services to their types.
 *
 * ```ts
 * const one = new OneClient<{ Arith: ArithService; Echo: EchoService }>(discovery)
 * const { C } = await one.call('Arith', 'Mul', { A: 10, B: 20 })
 * ```
 */
export class OneClient<Services extends { readonly [N in keyof Services]: object } = AnyServices>
  implements AsyncDisposable
{
  readonly #shared: SharedParts
  readonly #clients: ServiceClients
  #closed: Promise<void> | undefined

  /**
   * Creates the client. It does not query the discovery or connect to servers until a service is used.
   * @param discovery the source of the server lists; the client does not close it
   * @param idle how often to look for unused services; tests change the default
   * @throws TypeError or RangeError that names the option
   */
  constructor(discovery: Discovery, options: OneClientOptions = {}, idle?: { readonly sweepMs?: number }) {
    checkDiscovery('OneClient: the first argument', discovery)
    const { services = {}, ...rest } = options
    for (const [name, own] of Object.entries(services)) {
      const option = OF_CONNECTIONS.find(key => key in own)
      if (option !== undefined)
        throw new TypeError(
          `OneClient: services.${name}.${option} belongs to the connections of all services`,
        )
      checkOptions(name, { ...rest, ...own })
    }
    const { links } = checkOptions('OneClient', rest)
    const events = new Events<ClientEvents>('client')
    const pool = new ConnectionPool({ ...links, ...pushesTo(events) })
    const shared = { events, pool }
    this.#shared = shared
    const failed = (callback: string, thrown: unknown): void => events.callbackFailed(callback, thrown)
    this.#clients = new ServiceClients({
      clock: checkClock('OneClient', rest.clock),
      ...idle,
      make: service => new XClient(service, discovery, { ...rest, ...services[service] }, shared),
      isFresh: service =>
        guarded('discovery.status', () => discovery.status(service), failed)?.state === 'fresh',
    })
  }

  /**
   * Returns the typed client of one service. You can keep it: it works even after the service was unused for long. Repeated calls return
   * the same object while the service is watched.
   * @throws `ERR_RPCX_CLOSED`
   */
  service<N extends ServiceName<Services>>(service: N): ServiceClient<Services[N]>
  service<S extends object>(service: ServiceName<Services>): ServiceClient<S>
  service(service: string): ServiceClient<AnyServices[string]> {
    return this.#clients.service(service)
  }

  /**
   * Calls a method of a service and resolves to its reply.
   * @throws `RpcxError`, whose `code` says what failed; the reason of `options.signal` when that aborts
   */
  call<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<Out<Services[N][M]>>
  async call(service: string, method: string, ...rest: AnyRest): Promise<unknown> {
    return this.#client(service).call(method, ...rest)
  }

  /** Calls a method as `call` does, and resolves to the reply, its metadata, the server and the number of attempts. */
  invoke<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<Invocation<Out<Services[N][M]>>>
  async invoke(service: string, method: string, ...rest: AnyRest): Promise<unknown> {
    return this.#client(service).invoke(method, ...rest)
  }

  /** Sends a one-way call, which gets no reply. Resolves when the call is sent; it does not tell whether the method ran. */
  notify<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<void>
  async notify(service: string, method: string, ...rest: AnyRest): Promise<void> {
    return this.#client(service).notify(method, ...rest)
  }

  /** Calls all servers of a service at once. Resolves to all results; rejects with the first failure and cancels the other calls. */
  broadcast<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<Invocation<Out<Services[N][M]>>[]>
  async broadcast(service: string, method: string, ...rest: AnyRest): Promise<Invocation<unknown>[]> {
    return this.#client(service).broadcast(method, ...rest)
  }

  /** Calls all servers of a service at once. Resolves to the first reply and cancels the other calls. */
  fork<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<Out<Services[N][M]>>
  async fork(service: string, method: string, ...rest: AnyRest): Promise<unknown> {
    return this.#client(service).fork(method, ...rest)
  }

  /** Calls all servers of a service at once. `for await` yields each result as it arrives; `all()` resolves to all of them. */
  inform<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Inform<Out<Services[N][M]>>
  inform(service: string, method: string, ...rest: AnyRest): Inform<unknown> {
    return this.#client(service).inform(method, ...rest)
  }

  /** Adds a listener for an event of any service. */
  on<Name extends keyof ClientEvents>(event: Name, listener: (detail: ClientEvents[Name]) => void): this {
    this.#shared.events.on(event, listener)
    return this
  }

  off<Name extends keyof ClientEvents>(event: Name, listener: (detail: ClientEvents[Name]) => void): this {
    this.#shared.events.off(event, listener)
    return this
  }

  /** Fails the pending calls, sends the queued bytes and closes the connections. The discovery stays open. */
  close(): Promise<void> {
    this.#closed ??= this.#clients.close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #client(service: string): XClient<AnyServices[string]> {
    return this.#clients.get(service)
  }
}

type OfConnections =
  | 'clock'
  | 'connectTimeoutMs'
  | 'heartbeatMs'
  | 'heartbeatTimeoutMs'
  | 'maxBufferedBytes'
  | 'maxFrameBytes'
  | 'maxConcurrentReverseCalls'
  | 'offers'
  | 'offerTypes'
  | 'tls'

type ServiceName<Services> = keyof Services & string

type AnyRest = Rest<(args?: unknown) => unknown>

const OF_CONNECTIONS: readonly OfConnections[] = [
  'clock',
  'connectTimeoutMs',
  'heartbeatMs',
  'heartbeatTimeoutMs',
  'maxBufferedBytes',
  'maxConcurrentReverseCalls',
  'maxFrameBytes',
  'offers',
  'offerTypes',
  'tls',
]
