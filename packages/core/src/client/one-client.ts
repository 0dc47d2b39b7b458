import { guarded } from '../callbacks.ts'
import { checkClock } from '../clock.ts'
import type { Discovery } from '../discovery/discovery.ts'
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

/** What belongs to one service; the rest belongs to the connections, which all services share. */
export type OneClientServiceOptions = Omit<XClientOptions, OfConnections>

/** Those of an `XClient`, for all services or for single ones. */
export interface OneClientOptions extends Omit<XClientOptions, 'types'> {
  /** Options of single services, by name; they come before those of all. @default none */
  readonly services?: Readonly<Record<string, OneClientServiceOptions>>
}

/** One service of a `OneClient`, as an `XClient` that has no connections of its own. */
export type ServiceClient<S extends object> = Pick<
  XClient<S>,
  'call' | 'invoke' | 'notify' | 'broadcast' | 'fork' | 'inform' | 'ready' | 'snapshot'
>

/** Services whose methods are not known to the compiler. */
export type AnyServices = Record<string, Record<string, (args?: unknown) => unknown>>

/**
 * Calls many services over one pool of connections: one for each server, whichever services it offers, as Go's OneClient does
 * (client/oneclient.go). A service is followed from its first use on, until it has not been called for ten minutes, or for one when
 * it has no servers. `Services` has the types of the services by name.
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
   * Asks for nothing and dials nobody yet.
   * @param discovery stays the caller's to close
   * @param idle another than the default is for tests
   * @throws TypeError or RangeError that names the option
   */
  constructor(discovery: Discovery, options: OneClientOptions = {}, idle?: { readonly sweepMs?: number }) {
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

  /** One service, typed; the same object as long as the service is followed, and good to keep. @throws `ERR_RPCX_CLOSED` */
  service<N extends ServiceName<Services>>(service: N): ServiceClient<Services[N]>
  service<S extends object>(service: ServiceName<Services>): ServiceClient<S>
  service(service: string): ServiceClient<AnyServices[string]> {
    return this.#clients.service(service)
  }

  /**
   * Calls a method of a service and resolves to its reply.
   * @throws `RpcxError` by `code`; the reason of `options.signal` when that aborts
   */
  call<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<Out<Services[N][M]>>
  async call(service: string, method: string, ...rest: AnyRest): Promise<unknown> {
    return this.#client(service).call(method, ...rest)
  }

  /** As `call`, but resolves to all that is known: the reply, its metadata, the server, the number of attempts. */
  invoke<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<Invocation<Out<Services[N][M]>>>
  async invoke(service: string, method: string, ...rest: AnyRest): Promise<unknown> {
    return this.#client(service).invoke(method, ...rest)
  }

  /** Sends a call that is never answered. Resolves when it is on its way; whether it ran is not known. */
  notify<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<void>
  async notify(service: string, method: string, ...rest: AnyRest): Promise<void> {
    return this.#client(service).notify(method, ...rest)
  }

  /** Calls all servers of a service at once. All must succeed: the first failure ends it. Resolves to what each made of it. */
  broadcast<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<Invocation<Out<Services[N][M]>>[]>
  async broadcast(service: string, method: string, ...rest: AnyRest): Promise<Invocation<unknown>[]> {
    return this.#client(service).broadcast(method, ...rest)
  }

  /** Calls all servers of a service at once. Resolves to the first reply, and gives up the others. */
  fork<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Promise<Out<Services[N][M]>>
  async fork(service: string, method: string, ...rest: AnyRest): Promise<unknown> {
    return this.#client(service).fork(method, ...rest)
  }

  /** Calls all servers of a service at once, for every result: as they come, by `for await`, or `all()` together. */
  inform<N extends ServiceName<Services>, M extends MethodName<Services[N]>>(
    service: N,
    method: M,
    ...rest: Rest<Services[N][M]>
  ): Inform<Out<Services[N][M]>>
  inform(service: string, method: string, ...rest: AnyRest): Inform<unknown> {
    return this.#client(service).inform(method, ...rest)
  }

  /** Events of all services. */
  on<Name extends keyof ClientEvents>(event: Name, listener: (detail: ClientEvents[Name]) => void): this {
    this.#shared.events.on(event, listener)
    return this
  }

  off<Name extends keyof ClientEvents>(event: Name, listener: (detail: ClientEvents[Name]) => void): this {
    this.#shared.events.off(event, listener)
    return this
  }

  /** Fails the calls that wait, sends what is queued and closes the connections. The discovery stays open. */
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
