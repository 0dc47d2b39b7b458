import type { Driver, RegisterPluginOptions, ServerEvents } from '@rpcx/core'
import { RegisterPlugin, Server } from '@rpcx/core'
import { Log } from './log.ts'

type Recorded = 'registered' | 'lost' | 'conflict' | 'withdrawn' | 'registryDown' | 'registryBack'

/** One event that a server emitted. */
export interface MemberEvent {
  readonly event: Recorded
  readonly service?: string
  readonly why?: string
}

/** A server of a trial, in one registry, with a log of its events. */
export class Member {
  readonly server: Server
  readonly events: Log<MemberEvent>
  readonly #published: () => string | undefined

  constructor(driver: Driver, options: RegisterPluginOptions, signal: AbortSignal) {
    this.server = new Server({ startTimeoutMs: 15_000, lingerMs: 100, drainMs: 1_000, noticeMs: 0 })
    this.events = new Log(signal)
    for (const event of RECORDED) {
      this.server.on(event, detail => this.events.add({ event, ...told(detail) }))
    }
    this.server.plugins.add(new RegisterPlugin(driver, options))
    const { serviceAddress } = options
    if (driver.traits.publishes === 'registered') this.#published = () => `memu@${this.server.id}`
    else if (typeof serviceAddress === 'string') this.#published = () => serviceAddress
    else this.#published = () => this.server.address
  }

  /** The address at which clients find the server. */
  get address(): string {
    const address = this.#published()
    if (address === undefined) throw new Error('this server does not listen yet')
    return address
  }

  /** Offers a service with one method, `Echo`. */
  offer(service: string, metadata = ''): this {
    this.server.registerName(service, { Echo: (value: unknown) => value }, metadata)
    return this
  }

  listen(): Promise<void> {
    return this.server.serve('tcp', '127.0.0.1:0')
  }

  /** Starts to listen. Resolves when others can see the server. */
  async start(): Promise<this> {
    await this.listen()
    await this.server.published()
    return this
  }

  count(event: MemberEvent['event']): number {
    return this.events.all.filter(told => told.event === event).length
  }
}

const RECORDED: readonly Recorded[] = [
  'registered',
  'lost',
  'conflict',
  'withdrawn',
  'registryDown',
  'registryBack',
]

function told(detail: ServerEvents[Recorded]): { service?: string; why?: string } {
  return {
    ...('service' in detail && { service: detail.service }),
    ...('why' in detail && { why: detail.why }),
  }
}
