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
  /** Whether a list that is read anew would be as good as the one that there is. */
  readonly isFresh: (service: string) => boolean
  /** How often to look for clients that nobody calls. Another than the default is for tests. @default 60_000 */
  readonly sweepMs?: number
}

/**
 * The clients of many services by name, each made at its first call and closed when it has not been called for a while: a gateway that
 * takes names from strangers must not keep a client for each of them.
 */
export class ServiceClients {
  readonly #options: ServiceClientsOptions
  /** The one that was made, or looked at, last comes last. */
  readonly #uses = new Map<string, Use>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: ServiceClientsOptions) {
    this.#options = options
  }

  /** The client of a service, to be called at once. */
  get(service: string): Client {
    const use = this.use(service)
    use.isUsed = true
    return use.client
  }

  /** One service, for those who keep it: it makes the client anew when that was closed meanwhile. */
  service(service: string): Calls {
    const use = this.use(service)
    use.service ??= new Service(service, this, use)
    return use.service
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** @throws `ERR_RPCX_CLOSED` when it is to be made after `close()` */
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
    this.#timer = clock.setInterval(() => this.#sweep(), sweepMs)
    this.#timer.unref()
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

  /** Nobody can invent names of services that have servers: those stay. */
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

/** A client, and what is known of its use. */
class Use {
  readonly client: Client
  /** What was given to those who keep it. */
  service: Calls | undefined
  /** Whether it was called since it was looked at last. */
  isUsed = true
  /** How many times in a row it was found idle. */
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
    // One that was closed says so.
    if (this.#use.isReleased && !this.#owner.isClosed) this.#use = this.#owner.use(this.#name)
    this.#use.isUsed = true
    return this.#use.client
  }
}

const SWEEP_MS = 60_000
/** After ten minutes, a client with servers is closed as well. */
const SWEEPS_WITH_SERVERS = 10
/** From so many on, each new client looks for one that it may replace. */
const MANY = 1_000
const MOST_LOOKED_AT = 16
