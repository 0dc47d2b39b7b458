import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Codec } from '../codec/codec.ts'
import { Codecs } from '../codec/codecs.ts'
import { RpcxError } from '../errors.ts'
import { Events } from '../events.ts'
import { checkMs } from '../options.ts'
import { transportOf } from '../transport/networks.ts'
import type { Listener } from '../transport/transport.ts'
import { MAX_FRAME_BYTES } from '../wire/frame-decoder.ts'
import { within } from '../within.ts'
import type { Metrics } from './meters.ts'
import { Meters } from './meters.ts'
import type { PluginHost, ServerEvents, ServerPlugin } from './plugin.ts'
import { Plugins } from './plugins.ts'
import type { MethodTypes, ServiceMethod, ServiceOptions } from './services.ts'
import { Services } from './services.ts'
import type { SessionHost } from './session.ts'
import { Session } from './session.ts'

export interface ServerOptions {
  /** Codecs beside raw, JSON and MessagePack. */
  readonly codecs?: readonly Codec[]
  /** The longest frame that a client may send, in bytes, also after decompression. @default 16 MiB */
  readonly maxFrameBytes?: number
  /** Closes a connection without calls on which nothing came for so long, heartbeats included. 0: never. @default 300_000 */
  readonly idleTimeoutMs?: number
  /** How long `serve()` waits for the first attempt of its plugins to register. @default 10_000 */
  readonly startTimeoutMs?: number
  /** How long `close()` waits for calls that run. @default 10_000 */
  readonly drainMs?: number
  /** How long a drained connection stays open after its last frame, so that its client can close it first. @default 1_000 */
  readonly lingerMs?: number
}

export interface FunctionOptions {
  /** What clients call it. @default the name of the function */
  readonly name?: string
  /** Message types, for codecs that need them. */
  readonly types?: MethodTypes
}

/** Offers services to clients. It never starts a frame by itself: Go's clients would take it for a reply. */
export class Server implements AsyncDisposable {
  /** Unique to this server. */
  readonly id: string = randomUUID()
  /** Adds what extends the server, such as a register plugin, before or after services are registered. */
  readonly plugins: { add(plugin: ServerPlugin): void }
  /** What this server counts. */
  readonly metrics: Metrics
  readonly #plugins: Plugins
  readonly #services = new Services()
  readonly #meters = new Meters()
  readonly #events = new Events<ServerEvents>('server')
  readonly #sessions = new Set<Session>()
  readonly #listeners = new Map<string, Listener>()
  readonly #sessionHost: SessionHost
  readonly #idleTimeoutMs: number
  readonly #startTimeoutMs: number
  readonly #drainMs: number
  readonly #lingerMs: number
  #address: string | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #draining = false
  #closing: Promise<void> | undefined
  #emptied: (() => void) | undefined

  constructor(options: ServerOptions = {}) {
    const {
      codecs = [],
      maxFrameBytes = MAX_FRAME_BYTES,
      idleTimeoutMs = 300_000,
      startTimeoutMs = 10_000,
      drainMs = 10_000,
      lingerMs = 1_000,
    } = options
    if (!Number.isInteger(maxFrameBytes) || maxFrameBytes < 16) {
      throw new RangeError(`Server: maxFrameBytes is ${maxFrameBytes}, not an integer from 16 up`)
    }
    this.#sessionHost = {
      services: this.#services,
      codecs: new Codecs(codecs),
      meters: this.#meters,
      events: this.#events,
      maxFrameBytes,
      isDraining: () => this.#draining,
      closed: session => this.#forget(session),
    }
    this.#idleTimeoutMs = checkMs('Server', 'idleTimeoutMs', idleTimeoutMs)
    this.#startTimeoutMs = checkMs('Server', 'startTimeoutMs', startTimeoutMs)
    this.#drainMs = checkMs('Server', 'drainMs', drainMs)
    this.#lingerMs = checkMs('Server', 'lingerMs', lingerMs)
    this.metrics = this.#meters
    this.#plugins = new Plugins(this.#pluginHost(), () => this.#services.metadata)
    this.plugins = this.#plugins
  }

  /** Where the server listens, `network@host:port`; `undefined` before `serve()`. */
  get address(): string | undefined {
    return this.#address
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
   * Offers the methods of `service`: of a plain object its own functions, of a class instance the methods of its classes;
   * never names that begin with `_`.
   * @param metadata a query string that clients see in the registry, such as `weight=10&group=test`
   * @throws TypeError when the name is empty, taken or has a `/`; whatever a register plugin refuses it with
   */
  registerName(name: string, service: object, metadata = '', options: ServiceOptions = {}): void {
    this.#services.add(name, service, metadata, options)
    this.#announce(name, metadata)
  }

  /** Offers one function as `service.name`. Several functions may share a service; the first one's metadata count. */
  registerFunction(service: string, fn: ServiceMethod, metadata = '', options: FunctionOptions = {}): void {
    const isNew = this.#services.addFunction(service, fn, metadata, options.name ?? fn.name, options.types)
    if (isNew) this.#announce(service, metadata)
  }

  /** Withdraws the service from every registry, then stops offering it. */
  async unregister(name: string): Promise<void> {
    if (!this.#services.metadata.has(name)) return
    await this.#plugins.unregistered(name)
    this.#services.remove(name)
  }

  /** Changes what clients see of the service; resolves when they can see it. @throws TypeError when there is none */
  async setMetadata(name: string, metadata: string): Promise<void> {
    this.#services.setMetadata(name, metadata)
    await this.#plugins.changed(name, metadata)
  }

  /** Resolves when all that is registered is visible to others. */
  async published(): Promise<void> {
    await this.#plugins.published()
  }

  /**
   * Listens at `address`, then publishes. May be called for several addresses; the first one is published.
   * @param network `tcp`, `tcp4`, `tcp6`, `unix` or `memu`
   * @param address `host:port` (port 0: any free one), `:port` for all interfaces, a path for `unix`
   * @throws `ERR_RPCX_ADDRESS`, `ERR_RPCX_CLOSED`, the system's error when it cannot listen, or what a plugin rejects with
   */
  async serve(network: string, address: string): Promise<void> {
    this.#checkOpen()
    const listening = await this.#listen(network, address)
    if (this.#address !== undefined) return
    this.#address = listening
    let isWaiting = true
    const settled = this.#plugins.listening(listening).catch(error => {
      if (isWaiting) throw error
      this.#events.emit('pluginFailed', { error })
    })
    try {
      await within(this.#startTimeoutMs, settled)
    } catch (error) {
      await this.close()
      throw error
    } finally {
      isWaiting = false
    }
  }

  /** Withdraws from every registry, lets calls finish, closes the connections. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
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

  async #listen(network: string, host: string): Promise<string> {
    const accept = (stream: Duplex, remoteAddress: string): void => this.#accept(stream, remoteAddress)
    const listener = await transportOf(network).listen(network, host, accept)
    if (this.#closing !== undefined) {
      void listener.close()
      this.#checkOpen()
    }
    const address = `${network}@${listener.host}`
    this.#listeners.set(address, listener)
    if (this.#idleTimeoutMs > 0) {
      this.#idleTimer ??= setInterval(() => this.#closeIdle(), this.#idleTimeoutMs / 4).unref()
    }
    return address
  }

  #pluginHost(): PluginHost {
    const address = (): string | undefined => this.#address
    return {
      id: this.id,
      metrics: this.#meters,
      events: this.#events,
      get address() {
        return address()
      },
      listenInMemory: () => {
        // In memory, listening takes no time: callers reach the server before this promise settles.
        void this.#listen('memu', this.id)
        return `memu@${this.id}`
      },
    }
  }

  #accept(stream: Duplex, remoteAddress: string): void {
    this.#sessions.add(new Session(stream, remoteAddress, this.#sessionHost))
  }

  #forget(session: Session): void {
    this.#sessions.delete(session)
    if (this.#sessions.size === 0) this.#emptied?.()
  }

  #closeIdle(): void {
    const since = performance.now() - this.#idleTimeoutMs
    for (const session of this.#sessions) {
      if (session.inFlight === 0 && session.lastReadAt < since) {
        session.close(
          new RpcxError('ERR_RPCX_TIMEOUT', `session: nothing came for ${this.#idleTimeoutMs} ms`),
        )
      }
    }
  }

  async #close(): Promise<void> {
    await this.#plugins.closing()
    this.#draining = true
    clearInterval(this.#idleTimer)
    const closed = Promise.all([...this.#listeners.values()].map(listener => listener.close()))
    for (const session of this.#sessions) session.drain(this.#lingerMs)
    if (this.#sessions.size > 0) {
      await within(this.#drainMs + this.#lingerMs, new Promise<void>(resolve => (this.#emptied = resolve)))
    }
    for (const session of this.#sessions) session.close()
    await closed
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new RpcxError('ERR_RPCX_CLOSED', 'Server: serve() after close()')
  }
}
