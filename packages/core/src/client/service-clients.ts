import type { Clock, Timer } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import type { XClient } from './xclient.ts'

type AnyService = Record<string, (args?: unknown) => unknown>
type Client = XClient<AnyService>
type Calls = Pick<
  Client,
  'call' | 'invoke' | 'notify' | 'broadcast' | 'fork' | 'inform' | 'ready' | 'snapshot'
>

export interface ServiceClientsOptions {
  readonly clock: Clock
  readonly make: (service: string) => Client
  /** Returns whether the discovery has a fresh list, so that a client that is closed now can get the same list again later. */
  readonly isFresh: (service: string) => boolean
  /** The interval between searches for unused clients, in milliseconds. Tests change it. @default 60_000 */
  readonly sweepMs?: number
}

/**
 * The clients of many services, by name. It makes a client at the first call and closes it when it was unused for a while. Otherwise a
 * gateway that accepts any service name from outside would keep a client for each name.
 */
export class ServiceClients {
  readonly #options: ServiceClientsOptions
  /** In the order in which clients were made, or last inspected by `#makeRoom`; the newest is last. */
  readonly #uses = new Map<string, Use>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: ServiceClientsOptions) {
    this.#options = options
  }

  /** Returns the client of a service and marks it as used. The caller must not keep it, because it may be closed later. */
  get(service: string): Client {
    const use = this.use(service)
    use.isUsed = true
    return use.client
  }

  /** Returns an object for one service that callers may keep. It makes a new client when the old one was closed as unused. */
  service(service: string): Calls {
    const use = this.use(service)
    use.service ??= new Service(service, this, use)
    return use.service
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Returns the entry of a service; makes it when there is none. @throws `ERR_RPCX_CLOSED` after `close()` */
  use(service: string): Use {
    if (this.#isClosed) throw new RpcxError('ERR_RPCX_CLOSED', `${service}: the client is closed`)
    const known = this.#uses.get(service)
    if (known !== undefined) return known
    if (this.#uses.size >= MANY) this.#makeRoom()
    const use = new Use(this.#options.make(service))
    this.#uses.set(service, use)
    this.#sweepLater()
    return use
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#options.clock.clear(this.#timer)
    await Promise.all([...this.#uses.values()].map(({ client }) => client.close()))
  }

  #sweepLater(): void {
    if (this.#timer !== undefined) return
    const { clock, sweepMs = SWEEP_MS } = this.#options
    this.#timer = clock.setInterval(() => this.#sweep(), sweepMs).unref()
  }

  #sweep(): void {
    for (const [service, use] of this.#uses) {
      if (use.isUsed || !use.client.isIdle) use.idleSweeps = 0
      else use.idleSweeps++
      use.isUsed = false
      const most = use.hasServers ? SWEEPS_WITH_SERVERS : 1
      if (use.idleSweeps >= most && (!use.hasServers || this.#options.isFresh(service)))
        this.#release(service, use)
    }
    if (this.#uses.size > 0) return
    this.#options.clock.clear(this.#timer)
    this.#timer = undefined
  }

  /**
   * Closes one idle client without servers, among the first `MOST_LOOKED_AT`. Clients with servers stay: strangers can invent service
   * names, but not services that have servers.
   */
  #makeRoom(): void {
    let left = MOST_LOOKED_AT
    for (const [service, use] of this.#uses) {
      if (left-- === 0) return
      if (!use.hasServers && use.client.isIdle) {
        this.#release(service, use)
        return
      }
      this.#uses.delete(service)
      this.#uses.set(service, use)
    }
  }

  #release(service: string, use: Use): void {
    this.#uses.delete(service)
    use.isReleased = true
    void use.client.close()
  }
}

/** A client and a record of its use. */
class Use {
  readonly client: Client
  /** The object that `service()` returned to callers. */
  service: Calls | undefined
  /** Whether it was called since the last sweep. */
  isUsed = true
  /** The number of consecutive sweeps that found it idle. */
  idleSweeps = 0
  isReleased = false

  constructor(client: Client) {
    this.client = client
  }

  get hasServers(): boolean {
    return this.client.snapshot().endpoints.length > 0
  }
}

class Service implements Calls {
  readonly #name: string
  readonly #owner: ServiceClients
  #use: Use

  constructor(name: string, owner: ServiceClients, use: Use) {
    this.#name = name
    this.#owner = owner
    this.#use = use
  }

  readonly call: Client['call'] = (method, ...rest) => this.#client().call(method, ...rest)
  readonly invoke: Client['invoke'] = (method, ...rest) => this.#client().invoke(method, ...rest)
  readonly notify: Client['notify'] = (method, ...rest) => this.#client().notify(method, ...rest)
  readonly broadcast: Client['broadcast'] = (method, ...rest) => this.#client().broadcast(method, ...rest)
  readonly fork: Client['fork'] = (method, ...rest) => this.#client().fork(method, ...rest)
  readonly inform: Client['inform'] = (method, ...rest) => this.#client().inform(method, ...rest)
  readonly ready: Client['ready'] = options => this.#client().ready(options)
  readonly snapshot: Client['snapshot'] = () => this.#client().snapshot()

  #client(): Client {
    // After `close()`, the old client stays: its calls fail with `ERR_RPCX_CLOSED`.
    if (this.#use.isReleased && !this.#owner.isClosed) this.#use = this.#owner.use(this.#name)
    this.#use.isUsed = true
    return this.#use.client
  }
}

const SWEEP_MS = 60_000
/** A client with servers is closed after this number of idle sweeps: ten minutes. */
const SWEEPS_WITH_SERVERS = 10
/** With this many clients, each new client replaces an idle one that has no servers. */
const MANY = 1_000
const MOST_LOOKED_AT = 16
