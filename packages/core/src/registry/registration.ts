import { parseAddress } from '../address.ts'
import type { Clock, Timer } from '../clock.ts'
import type { Driver } from '../discovery/driver.ts'
import { checkEntry } from '../discovery/entry-rules.ts'
import { RegistryConnection } from '../discovery/registry-connection.ts'
import { isRpcxError, RpcxError } from '../errors.ts'
import type { PublicEvents } from '../events.ts'
import { reasonOf } from '../reason.ts'
import type { Metrics } from '../server/meters.ts'
import type { PluginHost, ServerEvents, ServerHooks } from '../server/plugin.ts'
import { within } from '../within.ts'
import { Announcer } from './announcer.ts'
import type { RegisterPluginOptions } from './register-plugin-options.ts'
import { publishedAddress } from './service-address.ts'

/** The entries of one server in one registry. */
export class Registration implements ServerHooks {
  readonly #driver: Driver
  readonly #clock: Clock
  readonly #serviceAddress: RegisterPluginOptions['serviceAddress']
  readonly #metrics: Metrics
  readonly #updateIntervalMs: number
  readonly #required: boolean
  readonly #events: PublicEvents<ServerEvents>
  readonly #connection: RegistryConnection
  readonly #wanted = new Map<string, string>()
  readonly #announcers = new Map<string, Announcer>()
  /** Promises that resolve when the withdrawn entry of a service is gone. The next entry of that service waits for it. */
  readonly #leaving = new Map<string, Promise<void>>()
  /** The address at which clients reach the server; `undefined` until the server may publish it. */
  #address: string | undefined
  #timer: Timer | undefined
  #isClosed = false
  /** The calls of `published()` that wait until the server listens. */
  readonly #unpublished: (() => void)[] = []

  constructor(driver: Driver, host: PluginHost, options: RegisterPluginOptions) {
    const { serviceAddress, metrics = host.metrics, updateIntervalMs = 60_000, required = false } = options
    const registry = driver.name
    this.#driver = driver
    this.#clock = host.clock
    this.#serviceAddress = serviceAddress
    this.#metrics = metrics
    this.#updateIntervalMs = updateIntervalMs
    this.#required = required
    this.#events = host.events
    const owner = {
      registryDown: (error: Error) => host.events.emit('registryDown', { registry, error }),
      registryBack: () => host.events.emit('registryBack', { registry }),
    }
    this.#connection = new RegistryConnection(driver, owner, host.clock)
    if (driver.traits.publishes === 'registered') this.#publishAt(host.listenInMemory())
  }

  registering(service: string, metadata: string): void {
    this.#check(service, metadata)
  }

  registered(service: string, metadata: string): void {
    this.#wanted.set(service, metadata)
    if (this.#address !== undefined) this.#announce(service, metadata, this.#address)
  }

  async changed(service: string, metadata: string): Promise<void> {
    this.#check(service, metadata)
    this.#wanted.set(service, metadata)
    await this.#announcers.get(service)?.setMetadata(metadata)
  }

  async unregistered(service: string): Promise<void> {
    this.#wanted.delete(service)
    const announcer = this.#announcers.get(service)
    if (announcer === undefined) return
    this.#announcers.delete(service)
    const gone = announcer.done.then(() => {
      if (this.#leaving.get(service) === gone) this.#leaving.delete(service)
    })
    this.#leaving.set(service, gone)
    await announcer.withdraw()
  }

  async listening(address: string, waiting: AbortSignal): Promise<void> {
    const registered = this.#listening(address)
    if (!this.#required) return registered
    const late = new Promise<never>((_resolve, reject) => {
      waiting.addEventListener('abort', () => reject(this.#tooLate()), { once: true })
    })
    return Promise.race([registered, late])
  }

  async #listening(address: string): Promise<void> {
    if (this.#address === undefined) {
      const published = await this.#resolve(address)
      if (this.#isClosed) return
      this.#publishAt(published)
    }
    const attempts = await Promise.allSettled(
      [...this.#announcers.values()].map(announcer => announcer.firstAttempt),
    )
    for (const attempt of attempts) {
      if (attempt.status === 'fulfilled') continue
      const { reason } = attempt
      if (this.#required || (isRpcxError(reason) && reason.fatal)) throw reason
    }
  }

  /** Resolves when others can see all entries. @throws `ERR_RPCX_CLOSED` when the server closes before that */
  async published(): Promise<void> {
    if (!this.#isClosed && this.#address === undefined)
      await new Promise<void>(resolve => this.#unpublished.push(resolve))
    await Promise.all([...this.#announcers.values()].map(announcer => announcer.visible()))
    if (!this.#isClosed) return
    throw new RpcxError(
      'ERR_RPCX_CLOSED',
      `${this.#driver.name}: the server was closed before all was published`,
    )
  }

  /** Withdraws all entries, within `CLOSE_MS`. Entries that remain in the registry disappear when their TTL ends. */
  async closing(): Promise<void> {
    this.#isClosed = true
    this.#clock.clear(this.#timer)
    const withdrawn = Promise.all([...this.#announcers.values()].map(announcer => announcer.withdraw()))
    await within(
      this.#clock,
      CLOSE_MS,
      withdrawn.then(() => this.#connection.close()),
    )
    for (const resolve of this.#unpublished.splice(0)) resolve()
  }

  #tooLate(): RpcxError {
    const { lastError } = this.#connection
    const why = lastError === undefined ? 'the registry has not answered' : reasonOf(lastError)
    return new RpcxError(
      isRpcxError(lastError) ? lastError.code : 'ERR_RPCX_REGISTRY',
      `${this.#driver.name}: not registered within startTimeoutMs, which required asks for: ${why}`,
      { cause: lastError },
    )
  }

  /** @throws TypeError or RangeError when the registry can never store this entry */
  #check(service: string, metadata: string, address: string = this.#address ?? ''): void {
    this.#driver.check({ service, metadata, address })
    checkEntry(this.#driver.name, { service, metadata, address })
  }

  async #resolve(address: string): Promise<string> {
    const option = this.#serviceAddress
    const found = this.#driver.traits.unspecified ? () => address : () => publishedAddress(address)
    const text = typeof option === 'function' ? await option() : (option ?? found())
    parseAddress(text)
    return text
  }

  #publishAt(address: string): void {
    for (const [service, metadata] of this.#wanted) this.#check(service, metadata, address)
    this.#address = address
    for (const [service, metadata] of this.#wanted) this.#announce(service, metadata, address)
    if (this.#updateIntervalMs > 0) {
      this.#timer = this.#clock.setInterval(() => this.#measure(), this.#updateIntervalMs).unref()
    }
    for (const resolve of this.#unpublished.splice(0)) resolve()
  }

  #announce(service: string, metadata: string, address: string): void {
    if (this.#isClosed) return
    this.#announcers.set(
      service,
      new Announcer(service, address, metadata, this.#connection, this.#events, this.#leaving.get(service)),
    )
  }

  #measure(): void {
    try {
      for (const announcer of this.#announcers.values()) announcer.measure(this.#metrics)
    } catch (thrown) {
      this.#events.callbackFailed('metrics', thrown)
    }
  }
}

// Less than the 5 s that `close()` may take in total.
const CLOSE_MS = 4_500
