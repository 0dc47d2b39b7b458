import type { TlsOptions } from 'node:tls'
import type { PushMessage } from '../call/push-message.ts'
import type { Clock } from '../clock.ts'
import { checkClock } from '../clock.ts'
import { Codecs } from '../codec/codecs.ts'
import { checkLimits } from '../codec/limits.ts'
import { RpcxError } from '../errors.ts'
import { Events } from '../events.ts'
import { checkCount, checkKnown, checkMs, MAX_FRAME_BYTES } from '../options.ts'
import { ByteBudget } from '../transport/byte-budget.ts'
import { Transports } from '../transport/transports.ts'
import { within } from '../within.ts'
import { Admission } from './admission.ts'
import { closeOn } from './close-on.ts'
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

/** Offers services to clients. Of its own accord it sends nothing but what the program pushes: Go's clients take no other frame. */
export class Server implements AsyncDisposable {
  /** Unique to this server. */
  readonly id: string
  /** Adds what extends the server, such as a register plugin, before or after services are registered. */
  readonly plugins: { add(plugin: ServerPlugin): void }
  /** What this server counts. */
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
  /** Whether `readyWhen` has been asked and has not resolved. */
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
      throw new RangeError(`Server: maxFrameBytes is ${maxFrameBytes}, not an integer from 16 up`)
    }
    if (authenticate !== undefined && typeof authenticate !== 'function')
      throw new TypeError(`Server: authenticate is ${typeof authenticate}, not a function`)
    if (readyWhen !== undefined && typeof readyWhen !== 'function')
      throw new TypeError(`Server: readyWhen is ${typeof readyWhen}, not a function`)
    for (const [i, owned] of owns.entries()) {
      if (typeof owned?.[Symbol.asyncDispose] !== 'function')
        throw new TypeError(`Server: owns[${i}] cannot be closed: it has no [Symbol.asyncDispose]()`)
    }
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
        // Callers have to be known before anything is done for them.
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

  /** Where the server listens, `network@host:port`; `undefined` before `serve()`. */
  get address(): string | undefined {
    return this.#address
  }

  /** How it is; clients ask by `_health.Check`, which replies `{ status }`. */
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
   * Offers the methods of `service`: of a plain object its own functions, of an object of a class the methods of its classes. Never names
   * that begin with `_`, nothing that comes from a class of the platform, such as `EventEmitter`, and functions in fields of a class only
   * when `options.methods` names them. What TypeScript calls private is offered: `#` makes it so.
   * @param metadata a query string that clients see in the registry, such as `weight=10&group=test`
   * @throws TypeError when the name is empty, taken or has a `/`, or `service` is a class, an array or a promise; whatever a register
   * plugin refuses it with
   */
  registerName<
    S extends object,
    T extends Readonly<Record<string, MethodTypes>> = Readonly<Record<never, never>>,
  >(name: string, service: S & HandlersOf<NoInfer<T>>, metadata = '', options: ServiceOptions<T> = {}): void {
    this.#services.add(name, service, metadata, options)
    this.#announce(name, metadata)
  }

  /** Offers one function as `service.name`. Several functions may share a service; the first one's metadata count. */
  registerFunction<T extends MethodTypes = MethodTypes>(
    service: string,
    fn: HandlerOf<NoInfer<T>>,
    metadata = '',
    options: FunctionOptions<T> = {},
  ): void {
    const isNew = this.#services.addFunction(service, fn, metadata, options.name ?? fn.name, options.types)
    if (isNew) this.#announce(service, metadata)
  }

  /** Withdraws the service from every registry, then stops offering it. */
  async unregister(name: string): Promise<void> {
    if (!this.#services.metadata.has(name)) return
    await this.#plugins.unregistered(name)
    this.#services.remove(name)
  }

  /**
   * Changes what clients see of the service; resolves when they can see it.
   * @throws TypeError when there is none; what a plugin refuses it with, and then all stays as it was
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
   * Resolves when all that is registered is in every registry. Clients see it a moment later: `client.ready()` waits for that.
   * @throws `ERR_RPCX_CLOSED` when the server closes before
   */
  async published(): Promise<void> {
    await this.#plugins.published()
  }

  /**
   * Sends a message to all connections on which `service` was called; it is of that service unless it says otherwise. Returns
   * to how many it was sent: those that do not read are left out.
   */
  push(service: string, message: PushMessage): number {
    return this.#sessions.push(service, { service, ...message })
  }

  /**
   * Changes the certificate, the key or what clients' certificates are checked by, for the connections that come from now on.
   * @throws TypeError when the server was made without `tls`; what `node:tls` says of the options
   */
  setSecureContext(options: TlsOptions): void {
    this.#gate.setSecureContext(options)
  }

  /**
   * Listens at `address`, then publishes. May be called for several addresses; the first one is published.
   * @param network `tcp`, `tcp4`, `tcp6`, `unix` or `memu`
   * @param address `host:port` (port 0: any free one), `:port` for all interfaces, a path for `unix`
   * @throws `ERR_RPCX_ADDRESS`, `ERR_RPCX_CLOSED`, the system's error when it cannot listen, or what a plugin rejects with
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
   * Withdraws from every registry, goes on to serve for `noticeMs` so that clients see it, answers further calls with
   * `ERR_RPCX_NOT_EXECUTED`, lets those that run finish, and closes each connection once its client has closed it or sent nothing
   * for `lingerMs`. Safe to call twice.
   * @throws RangeError when drainMs is no duration
   */
  close({ drainMs = this.#drainMs }: CloseOptions = {}): Promise<void> {
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
        // In memory, listening takes no time: callers reach the server before this promise settles.
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
      // A plugin without which the server must not start rejects now.
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
    // A withdrawal that took that long did not reach its registry, so that nobody could see it.
    if (wasListed && this.#address !== undefined && spentMs < SLOW_WITHDRAWAL_MS)
      await new Promise<void>(resolve => clock.setTimeout(resolve, this.#noticeMs))
    this.#isDraining = true
    // Who is connected but not accepted yet would be cut off, without knowing whether its calls ran. Only the second turn looks for them.
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
// A discovery takes 5 s when its registry is out of reach.
const OWNED_MS = 10_000

/** Resolves once what can be read now was read. */
function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** A promise that somebody ends. */
function signal(): { readonly promise: Promise<void>; end(): void } {
  let end: () => void = () => {}
  const promise = new Promise<void>(resolve => (end = resolve))
  return { promise, end: () => end() }
}
