import type { TlsOptions } from 'node:tls'
import type { PushMessage } from '../call/push-message.ts'
import type { Clock } from '../clock.ts'
import { checkClock } from '../clock.ts'
import { Codecs } from '../codec/codecs.ts'
import { checkLimits } from '../codec/limits.ts'
import { RpcxError } from '../errors.ts'
import { Events } from '../events.ts'
import { checkCount, checkKnown, checkMs, MAX_FRAME_BYTES, shown } from '../options.ts'
import { ByteBudget } from '../transport/byte-budget.ts'
import { Transports } from '../transport/transports.ts'
import { within } from '../within.ts'
import { Admission } from './admission.ts'
import { checkSignals, closeOn } from './close-on.ts'
import { ConnectionGate } from './connection-gate.ts'
import type { Health } from './health.ts'
import { HEALTH_SERVICE, healthService } from './health.ts'
import { Listeners } from './listeners.ts'
import type { ServerMetrics } from './meters.ts'
import { Meters } from './meters.ts'
import type { PluginHost, ServerEvents, ServerPlugin } from './plugin.ts'
import { Plugins } from './plugins.ts'
import { RpcxSession } from './rpcx/rpcx-session.ts'
import { Runner } from './runner.ts'
import type { CloseOptions, ServerOptions } from './server-options.ts'
import { SERVER_OPTIONS } from './server-options.ts'
import { ServerSessions } from './server-sessions.ts'
import type { FunctionOptions, HandlerOf, HandlersOf, MethodTypes, ServiceOptions } from './services.ts'
import { Services } from './services.ts'

/** Offers services to clients. Apart from answers, it sends only what the program pushes: Go's clients accept no other frames. */
export class Server implements AsyncDisposable {
  /** The id of this server, which no other server has. */
  readonly id: string
  /** Adds plugins, such as a register plugin, before or after services are registered. */
  readonly plugins: { add(plugin: ServerPlugin): void }
  /** The counters of this server. */
  readonly metrics: ServerMetrics
  readonly #clock: Clock
  readonly #plugins: Plugins
  readonly #services = new Services()
  readonly #events = new Events<ServerEvents>('server')
  readonly #sessions: ServerSessions
  readonly #gate: ConnectionGate
  readonly #listeners: Listeners
  readonly #startTimeoutMs: number
  readonly #noticeMs: number
  readonly #drainMs: number
  readonly #readyWhen: (() => Promise<unknown>) | undefined
  readonly #owns: readonly AsyncDisposable[]
  readonly #ignoreSignals: () => void
  #address: string | undefined
  #inMemory: Promise<unknown> | undefined
  #health: Health = 'starting'
  #isDraining = false
  /** Whether `readyWhen` was called and has not resolved yet. */
  #isWaiting = false
  #closing: Promise<void> | undefined
  /** Resolves when `close()` is called. */
  readonly #closed = signal()

  /** @throws RangeError or TypeError that names the option */
  constructor(options: ServerOptions = {}) {
    checkKnown('Server', options, SERVER_OPTIONS)
    const {
      codecs = [],
      authenticate,
      readyWhen,
      owns = [],
      publicHealth = false,
      maxFrameBytes = MAX_FRAME_BYTES,
      maxUnfinishedBytes = 128 * MIB,
      maxUnreadBytes = 256 * MIB,
      maxUnreadBytesPerConnection = Math.ceil(maxUnreadBytes / 2),
      startTimeoutMs = 10_000,
      noticeMs = 250,
      drainMs = 10_000,
      closeOn: signals = [],
    } = options
    if (!Number.isInteger(maxFrameBytes) || maxFrameBytes < 16) {
      throw new RangeError(`Server: maxFrameBytes is ${shown(maxFrameBytes)}, not an integer from 16 up`)
    }
    if (authenticate !== undefined && typeof authenticate !== 'function')
      throw new TypeError(`Server: authenticate is ${typeof authenticate}, not a function`)
    if (readyWhen !== undefined && typeof readyWhen !== 'function')
      throw new TypeError(`Server: readyWhen is ${typeof readyWhen}, not a function`)
    for (const [i, owned] of owns.entries()) {
      if (typeof owned?.[Symbol.asyncDispose] !== 'function')
        throw new TypeError(`Server: owns[${i}] cannot be closed: it has no [Symbol.asyncDispose]()`)
    }
    checkSignals(signals)
    const clock = checkClock('Server', options.clock)
    this.#clock = clock
    this.id = clock.uuid()
    this.#readyWhen = readyWhen
    this.#owns = [...owns]
    this.#startTimeoutMs = checkMs('Server', 'startTimeoutMs', startTimeoutMs)
    this.#noticeMs = checkMs('Server', 'noticeMs', noticeMs)
    this.#drainMs = checkMs('Server', 'drainMs', drainMs)
    const admission = new Admission(clock, options, {
      offers: service => this.#services.has(service),
      callbackFailed: (callback, error) => this.#events.callbackFailed(callback, error),
    })
    const meters = new Meters(clock, {
      admission,
      services: this.#services,
      open: () => this.#sessions.size,
      openFor: service => this.#sessions.using(service),
    })
    this.metrics = meters
    this.#plugins = new Plugins(this.#pluginHost(), () => this.#services.metadata)
    this.plugins = this.#plugins
    const shared = {
      plugins: this.#plugins,
      meters,
      events: this.#events,
    }
    const unfinished = new ByteBudget(
      'bytes of a frame that has not ended',
      'maxUnfinishedBytes',
      checkCount('Server', 'maxUnfinishedBytes', maxUnfinishedBytes, 1),
    )
    const unread = new ByteBudget(
      'bytes that the client has not read',
      'maxUnreadBytes',
      checkCount('Server', 'maxUnreadBytes', maxUnreadBytes, 1),
    )
    const runner = new Runner({ ...shared, services: this.#services, authenticate, publicHealth })
    let pushes = 0
    const rpcx = {
      codecs: new Codecs(codecs, checkLimits('Server', options)),
      peer: {
        clock,
        maxFrameBytes,
        maxUnreadBytes: checkCount('Server', 'maxUnreadBytesPerConnection', maxUnreadBytesPerConnection, 1),
        isTwoWay: true,
        heartbeat: undefined,
        // With `authenticate`, a new client is not trusted until one of its calls passes.
        isTrusted: authenticate === undefined,
        budgets: { unfinished, unread },
        pausesReads: true,
      },
      nextPush: () => ++pushes,
    }
    const whyNot = (): 'closing' | 'starting' | undefined =>
      this.#isDraining ? 'closing' : this.#isWaiting ? 'starting' : undefined
    this.#sessions = new ServerSessions(
      options,
      { ...shared, clock, runner, admission, whyNot },
      (stream, origin) => new RpcxSession(stream, origin, rpcx),
    )
    this.#gate = new ConnectionGate(clock, options, {
      open: () => this.#sessions.size,
      accepted: (...stream) => this.#sessions.open(...stream),
      rejected: (remoteAddress, error) => {
        meters.refusedConnections++
        this.#events.emit('connectionRefused', { remoteAddress, error })
      },
    })
    this.#listeners = new Listeners(
      new Transports('Server', options.transports),
      (...stream) => this.#gate.accept(...stream),
      thrown => this.#events.callbackFailed('transports', thrown),
    )
    this.#services.addBuiltIn(
      HEALTH_SERVICE,
      healthService(() => this.#health),
    )
    this.#ignoreSignals = closeOn(signals, () => void this.close())
  }

  /** The address at which the server listens, `network@host:port`; `undefined` before `serve()`. */
  get address(): string | undefined {
    return this.#address
  }

  /** The health of the server. Clients read it by `_health.Check`, which replies `{ status }`. */
  get health(): Health {
    return this.#health
  }

  on<Name extends keyof ServerEvents>(event: Name, listener: (detail: ServerEvents[Name]) => void): this {
    this.#events.on(event, listener)
    return this
  }

  off<Name extends keyof ServerEvents>(event: Name, listener: (detail: ServerEvents[Name]) => void): this {
    this.#events.off(event, listener)
    return this
  }

  /**
   * Offers the methods of `service`. For a plain object, these are its own functions; for an instance of a class, the methods of its
   * classes. Names that begin with `_` and methods of the platform's classes, such as `EventEmitter`, are left out. Functions in fields of
   * an instance are offered only if `options.methods` names them. TypeScript's `private` does not hide a method; `#` does.
   * @param metadata a query string that clients see in the registry, such as `weight=10&group=test`
   * @throws TypeError when the name is empty, in use or contains `/`, or when `service` is a class, an array or a promise; the error by
   * which a register plugin refuses the service
   */
  registerName<
    S extends object,
    T extends Readonly<Record<string, MethodTypes>> = Readonly<Record<never, never>>,
  >(name: string, service: S & HandlersOf<NoInfer<T>>, metadata = '', options: ServiceOptions<T> = {}): void {
    this.#services.add(name, service, metadata, options)
    this.#announce(name, metadata)
  }

  /**
   * Offers one function as `service.name`. Several functions may share a service, which keeps the metadata of the first one.
   * @throws TypeError for a function without a name, a name that is in use, an unknown option or metadata that no registry could store
   */
  registerFunction<T extends MethodTypes = MethodTypes>(
    service: string,
    fn: HandlerOf<NoInfer<T>>,
    metadata = '',
    options: FunctionOptions<T> = {},
  ): void {
    checkKnown('registerFunction', options, { name: true, types: true })
    const isNew = this.#services.addFunction(service, fn, metadata, options.name ?? fn.name, options.types)
    if (isNew) this.#announce(service, metadata)
  }

  /** Removes the service from every registry, then stops offering it. */
  async unregister(name: string): Promise<void> {
    if (!this.#services.metadata.has(name)) return
    await this.#plugins.unregistered(name)
    this.#services.remove(name)
  }

  /**
   * Changes the metadata of a service. Resolves when clients can see the change.
   * @throws TypeError when no such service is registered; the error by which a plugin refuses the change, and the metadata then stay as
   * they were
   */
  async setMetadata(name: string, metadata: string): Promise<void> {
    const before = this.#services.setMetadata(name, metadata)
    try {
      await this.#plugins.changed(name, metadata)
    } catch (error) {
      if (this.#services.metadata.get(name) === metadata) this.#services.setMetadata(name, before)
      throw error
    }
  }

  /**
   * Resolves when every registry lists all registered services. Clients see them a moment later; `client.ready()` waits for that.
   * @throws `ERR_RPCX_CLOSED` when the server closes first
   */
  async published(): Promise<void> {
    await this.#plugins.published()
  }

  /**
   * Sends a message on all connections on which `service` was called. The message carries the name `service` unless it sets another one.
   * Returns the number of connections; those whose client does not read are skipped.
   */
  push(service: string, message: PushMessage): number {
    return this.#sessions.push(service, { service, ...message })
  }

  /**
   * Changes the certificate, the key or the authorities for client certificates. Applies to new connections.
   * @throws TypeError when the server was created without `tls`; what `node:tls` throws for these options
   */
  setSecureContext(options: TlsOptions): void {
    this.#gate.setSecureContext(options)
  }

  /**
   * Listens at `address`, then registers the server. May be called for several addresses; registries get the first one.
   * @param network `tcp`, `tcp4`, `tcp6`, `unix` or `memu`
   * @param address `host:port` (port 0: any free one), `:port` for all interfaces, a path for `unix`
   * @throws `ERR_RPCX_ADDRESS`, `ERR_RPCX_CLOSED`, the error of the system when it cannot listen, or the error with which a plugin rejects
   */
  async serve(network: string, address: string): Promise<void> {
    this.#checkOpen()
    this.#isWaiting = this.#readyWhen !== undefined && this.#address === undefined
    const listening = await this.#listeners.open(network, address)
    this.#checkOpen()
    if (this.#address !== undefined) return
    this.#address = listening
    await this.#untilReady()
    await this.#start(listening)
    if (this.#health === 'starting') this.#health = 'ready'
  }

  /**
   * Closes the server. First removes it from every registry and keeps serving for `noticeMs`, so that clients notice. Then answers new
   * calls with `ERR_RPCX_NOT_EXECUTED` and waits for running ones. Closes each connection once its client has closed it or sent nothing for
   * `lingerMs`. A second call returns the same promise.
   * @throws RangeError when `drainMs` is not a valid duration; TypeError when an option is unknown
   */
  close(options: CloseOptions = {}): Promise<void> {
    checkKnown('close', options, { drainMs: true })
    const { drainMs = this.#drainMs } = options
    this.#closing ??= this.#close(checkMs('close', 'drainMs', drainMs))
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #announce(name: string, metadata: string): void {
    try {
      this.#plugins.registering(name, metadata)
    } catch (error) {
      this.#services.remove(name)
      throw error
    }
    this.#plugins.registered(name, metadata)
  }

  #pluginHost(): PluginHost {
    const address = (): string | undefined => this.#address
    const health = (): Health => this.#health
    return {
      id: this.id,
      metrics: this.metrics,
      events: this.#events,
      clock: this.#clock,
      get address() {
        return address()
      },
      get health() {
        return health()
      },
      listenInMemory: () => {
        // A memory listener opens synchronously: callers can connect before this promise settles.
        this.#inMemory ??= this.#listeners
          .open('memu', this.id)
          .catch(error => this.#events.emit('pluginFailed', { error }))
        return `memu@${this.id}`
      },
    }
  }

  /** @throws what `readyWhen` rejects with; `ERR_RPCX_CLOSED` */
  async #untilReady(): Promise<void> {
    if (this.#readyWhen === undefined) return
    try {
      await Promise.race([this.#readyWhen(), this.#closed.promise])
    } catch (error) {
      await this.close()
      throw error
    }
    this.#checkOpen()
    this.#isWaiting = false
  }

  async #start(address: string): Promise<void> {
    let isWaiting = true
    const waiting = new AbortController()
    const settled = this.#plugins.listening(address, waiting.signal).catch(error => {
      if (isWaiting) throw error
      this.#events.emit('pluginFailed', { error })
    })
    try {
      await within(this.#clock, this.#startTimeoutMs, settled)
      waiting.abort()
      // A plugin that the server cannot start without rejects now.
      await Promise.race([settled, turn()])
    } catch (error) {
      await this.close()
      throw error
    } finally {
      isWaiting = false
    }
  }

  async #close(drainMs: number): Promise<void> {
    const clock = this.#clock
    this.#health = 'draining'
    this.#closed.end()
    const startedAt = clock.now()
    const wasListed = await this.#plugins.closing()
    const spentMs = clock.now() - startedAt
    // A removal that took that long did not reach its registry, so clients cannot notice it.
    if (wasListed && this.#address !== undefined && spentMs < SLOW_WITHDRAWAL_MS)
      await new Promise<void>(resolve => clock.setTimeout(resolve, this.#noticeMs))
    this.#isDraining = true
    // Two turns of the event loop accept the connections that are already established. Without them, these connections would be cut off,
    // and their clients could not know whether calls ran.
    await turn()
    await turn()
    const closed = this.#listeners.close()
    await this.#sessions.drain(drainMs)
    this.#gate.close()
    await closed
    for (const owned of this.#owns.toReversed()) await this.#closeOwned(owned)
    this.#ignoreSignals()
    this.#health = 'closed'
  }

  async #closeOwned(owned: AsyncDisposable): Promise<void> {
    try {
      await within(this.#clock, OWNED_MS, Promise.resolve(owned[Symbol.asyncDispose]()))
    } catch (thrown) {
      this.#events.callbackFailed('close of what the server owns', thrown)
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined)
      throw new RpcxError('ERR_RPCX_CLOSED', 'Server: serve() was called after close()')
  }
}

const SLOW_WITHDRAWAL_MS = 4_000
const MIB = 1024 * 1024
// Longer than a discovery takes to close when its registry is out of reach: 5 s.
const OWNED_MS = 10_000

/** Resolves after the data that can be read now has been read. */
function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** Returns a promise and the function that resolves it. */
function signal(): { readonly promise: Promise<void>; end(): void } {
  let end: () => void = () => {}
  const promise = new Promise<void>(resolve => (end = resolve))
  return { promise, end: () => end() }
}
