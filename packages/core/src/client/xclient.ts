import { limitOf } from '../call/parent-call.ts'
import { NO_METADATA } from '../call-metadata.ts'
import { guarded } from '../callbacks.ts'
import type { Clock } from '../clock.ts'
import type { Discovery } from '../discovery/discovery.ts'
import { checkDiscovery } from '../discovery/discovery.ts'
import { RpcxError } from '../errors.ts'
import { Events } from '../events.ts'
import { checkMethodName } from '../options.ts'
import { reasonOf } from '../reason.ts'
import { inRoot } from '../root.ts'
import type { Wanted } from './call/call.ts'
import type { CallOptions } from './call/call-options.ts'
import { checkCallOptions } from './call/call-options.ts'
import { Caller, pastError } from './call/caller.ts'
import type { CallAt } from './call/fan-out.ts'
import { broadcast, fork, Inform } from './call/fan-out.ts'
import { Hedging } from './call/hedging.ts'
import type { Interceptor, Next, OutgoingCall } from './call/interceptor.ts'
import { chain } from './call/interceptor.ts'
import type { Invocation } from './call/invocation.ts'
import type { Arg, MethodName, Out } from './call/methods.ts'
import type { ClientEvents } from './client-events.ts'
import type { SharedParts } from './connection/connection-pool.ts'
import { ConnectionPool, pushesTo } from './connection/connection-pool.ts'
import { Dispatcher } from './endpoints/dispatcher.ts'
import type { EndpointHandle } from './endpoints/endpoint-handle.ts'
import type { ReadyOptions } from './endpoints/readiness.ts'
import { Readiness } from './endpoints/readiness.ts'
import type { ClientSnapshot } from './endpoints/snapshot.ts'
import { checkOptions } from './settings.ts'
import type { XClientOptions } from './xclient-options.ts'

/**
 * A client of one service. It calls the servers that its discovery lists. `S` is an interface or a class with the methods of the service.
 *
 * ```ts
 * const arith = new XClient<ArithService>('Arith', discovery)
 * const { C } = await arith.call('Mul', { A: 10, B: 20 })
 * ```
 */
export class XClient<S extends object> implements AsyncDisposable {
  readonly #clock: Clock
  readonly #service: string
  readonly #discovery: Discovery
  readonly #timeoutMs: number
  readonly #isIdempotent: (method: string) => boolean
  readonly #events: Events<ClientEvents>
  readonly #pool: ConnectionPool
  readonly #caller: Caller
  readonly #hedging: Hedging | undefined
  readonly #interceptors: readonly Interceptor[]
  /** The chain of all interceptors, which ends with the call itself; `undefined` without interceptors. */
  readonly #outermost: Next | undefined
  /** The number of calls inside interceptors, which `#caller` may not know. Counted only for a shared client, for `isIdle`. */
  #intercepted = 0
  readonly #isShared: boolean
  readonly #closing = new AbortController()
  readonly #readiness: Readiness
  /** The error that ended the watch of the discovery. */
  #watchError: unknown
  #closed: Promise<void> | undefined

  /**
   * Starts to watch the service at once. Connects to a server when it first sends a call there.
   * @param discovery the source of the server list; the client does not close it
   * @param shared the parts that all services of a `OneClient` share; for internal use
   * @throws TypeError or RangeError that names the option
   */
  constructor(service: string, discovery: Discovery, options: XClientOptions = {}, shared?: SharedParts) {
    const failed = (callback: string, thrown: unknown): void => this.#events.callbackFailed(callback, thrown)
    const settings = checkOptions(service, options, failed)
    checkDiscovery('XClient: the second argument', discovery)
    const { clock, caller, interceptors, dispatcher, links } = settings
    this.#events = shared?.events ?? new Events('client')
    this.#pool = shared?.pool ?? new ConnectionPool({ ...links, ...pushesTo(this.#events) })
    this.#isShared = shared !== undefined
    this.#clock = clock
    this.#service = service
    this.#discovery = discovery
    this.#timeoutMs = caller.timeoutMs
    this.#isIdempotent = caller.isIdempotent
    const sender = inRoot(
      () =>
        new Dispatcher({
          ...dispatcher,
          events: this.#events,
          pool: this.#pool,
          listed: () => this.#readiness.changed(),
          suspected: address =>
            guarded('discovery.verify', () => discovery.verify?.(service, address), failed),
        }),
    )
    const lastError = (): unknown =>
      guarded('discovery.status', () => discovery.status(service), failed)?.lastError
    this.#caller = new Caller(sender, caller, () => this.#watchError ?? lastError())
    const { hedging } = dispatcher.failPolicy
    this.#hedging = hedging && new Hedging(clock, this.#caller, hedging)
    this.#readiness = new Readiness(clock, service, () => sender.endpoints.handles.length)
    this.#interceptors = interceptors
    this.#outermost =
      interceptors.length === 0 ? undefined : chain(interceptors, call => this.#last(call, undefined))
    void inRoot(() => this.#follow())
  }

  /**
   * Calls a method and resolves to its reply.
   * @param rest the arguments, then `CallOptions`; a method without arguments needs neither
   * @throws `RpcxError`, whose `code` says what failed; the reason of `options.signal` when that aborts
   */
  call<M extends MethodName<S>>(method: M, ...rest: Rest<S[M]>): Promise<Out<S[M]>>
  call(method: string, args?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#start(method, args, options, 'reply')
  }

  /** Calls a method as `call` does, and resolves to the reply, its metadata, the server and the number of attempts. */
  invoke<M extends MethodName<S>>(method: M, ...rest: Rest<S[M]>): Promise<Invocation<Out<S[M]>>>
  invoke(method: string, args?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#start(method, args, options, 'invocation')
  }

  /** Sends a one-way call, which gets no reply. Resolves when the call is sent; it does not tell whether the method ran. */
  notify<M extends MethodName<S>>(method: M, ...rest: Rest<S[M]>): Promise<void>
  notify(method: string, args?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#start(method, args, options, 'nothing')
  }

  /** Calls all servers at once, each of them once. Resolves to all results; rejects with the first failure and cancels the other calls. */
  broadcast<M extends MethodName<S>>(method: M, ...rest: Rest<S[M]>): Promise<Invocation<Out<S[M]>>[]>
  async broadcast(method: string, args?: unknown, options = NO_OPTIONS): Promise<Invocation<unknown>[]> {
    const callAt = this.#callAt(method, args, options)
    return broadcast(await this.#servers(method, options), callAt, options.signal)
  }

  /** Calls all servers at once, each of them once. Resolves to the first reply and cancels the other calls. */
  fork<M extends MethodName<S>>(method: M, ...rest: Rest<S[M]>): Promise<Out<S[M]>>
  async fork(method: string, args?: unknown, options = NO_OPTIONS): Promise<unknown> {
    const callAt = this.#callAt(method, args, options)
    const servers = await this.#servers(method, options)
    return (await fork(`${this.#service}.${method}`, servers, callAt, options.signal)).reply
  }

  /** Calls all servers at once, each of them once. `for await` yields each result as it arrives; `all()` resolves to all of them. */
  inform<M extends MethodName<S>>(method: M, ...rest: Rest<S[M]>): Inform<Out<S[M]>>
  inform(method: string, args?: unknown, options = NO_OPTIONS): Inform<unknown> {
    return new Inform(
      () => this.#servers(method, options),
      this.#callAt(method, args, options),
      options.signal,
    )
  }

  /**
   * Resolves when the list has at least `servers` servers that may be called. Useful at the start of a program, and in tests.
   * @throws `ERR_RPCX_TIMEOUT`; `ERR_RPCX_CLOSED` when the client or its discovery closes; `ERR_RPCX_REGISTRY` when the discovery fails; the
   * reason of `signal`; TypeError or RangeError that names the option
   */
  ready(options: ReadyOptions = {}): Promise<void> {
    return this.#readiness.wait(options)
  }

  /** Whether no call is in progress and no `ready()`, `broadcast`, `fork` or `inform` waits for servers. */
  get isIdle(): boolean {
    return this.#intercepted === 0 && this.#caller.isIdle && this.#readiness.isIdle
  }

  /** Returns the current state of the servers and the number of waiting calls. */
  snapshot(): ClientSnapshot {
    return this.#caller.dispatcher.snapshot()
  }

  on<Name extends keyof ClientEvents>(event: Name, listener: (detail: ClientEvents[Name]) => void): this {
    this.#events.on(event, listener)
    return this
  }

  off<Name extends keyof ClientEvents>(event: Name, listener: (detail: ClientEvents[Name]) => void): this {
    this.#events.off(event, listener)
    return this
  }

  /** Fails the pending calls, sends the queued bytes and closes the connections. The discovery stays open. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #start(method: string, args: unknown, options = NO_OPTIONS, wanted: Wanted): Promise<unknown> {
    if (this.#outermost === undefined) return this.#send(method, args, options, wanted)
    const isOneway = wanted === 'nothing'
    const call = { service: this.#service, method, args, options, isOneway, endpoint: undefined }
    const invocation = this.#counted(this.#outermost(call))
    if (wanted === 'invocation') return invocation
    return invocation.then(({ reply }) => reply)
  }

  #counted(invocation: Promise<Invocation<unknown>>): Promise<Invocation<unknown>> {
    if (!this.#isShared) return invocation
    const done = (): void => void this.#intercepted--
    this.#intercepted++
    invocation.then(done, done)
    return invocation
  }

  #send(method: string, args: unknown, options: CallOptions, wanted: Wanted): Promise<unknown> {
    if (this.#hedging !== undefined && wanted !== 'nothing') {
      const isIdempotent = options.idempotent ?? this.#isIdempotent(method)
      if (isIdempotent) return this.#hedging.call(method, args, wanted, options)
    }
    try {
      const call = this.#caller.make(method, args, wanted, options)
      this.#caller.start(call)
      return call.result
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Sends the call, after all interceptors. @param handle the only server that may receive the call; `undefined` for any server */
  async #last(
    { method, args, options, isOneway }: OutgoingCall,
    handle: EndpointHandle | undefined,
    encoded?: Uint8Array,
  ): Promise<Invocation<unknown>> {
    if (isOneway) {
      await this.#send(method, args, options, 'nothing')
      return { reply: undefined, metadata: NO_METADATA, endpoint: '', attempts: 1 }
    }
    if (handle === undefined)
      return (await this.#send(method, args, options, 'invocation')) as Invocation<unknown>
    const call = this.#caller.make(method, args, 'invocation', options)
    call.isPinned = true
    call.server = handle
    call.encoded = encoded
    this.#caller.start(call)
    return (await call.result) as Invocation<unknown>
  }

  /** Returns all servers. Waits while the client has no list, or, with `waitForReady`, while the list is empty. */
  async #servers(method: string, options: CallOptions): Promise<readonly EndpointHandle[]> {
    const { signal, parent, timeoutMs = this.#timeoutMs } = options
    const { dispatcher } = this.#caller
    const limitMs = limitOf(this.#clock, timeoutMs, parent)
    if (limitMs <= 0) throw pastError(this.#service, method)
    await this.#readiness.until(
      () => !dispatcher.hasToWait,
      () => this.#caller.noServersInTime(method),
      limitMs,
      [signal, parent?.signal],
    )
    const { handles } = dispatcher.endpoints
    if (handles.length > 0) return handles
    throw new RpcxError(
      'ERR_RPCX_NO_ENDPOINT',
      `${this.#service}.${method}: ${dispatcher.endpoints.whyEmpty}`,
    )
  }

  /** Returns a function that calls one server of many, within one deadline for all of them. */
  #callAt(method: string, args: unknown, options: CallOptions): CallAt<never> {
    checkMethodName(method)
    checkCallOptions(options)
    const { timeoutMs = this.#timeoutMs } = options
    const end = this.#clock.now() + timeoutMs
    const encoded = this.#outermost === undefined ? this.#encoded(method, args) : undefined
    return (handle, signal) => {
      const leftMs = timeoutMs === 0 ? 0 : Math.max(end - this.#clock.now(), 1)
      const call = {
        service: this.#service,
        method,
        args,
        options: { ...options, timeoutMs: leftMs, signal },
        isOneway: false,
        endpoint: handle.endpoint.address,
      }
      const next = chain(this.#interceptors, outgoing => this.#last(outgoing, handle, encoded))
      return this.#counted(next(call)) as Promise<Invocation<never>>
    }
  }

  /**
   * Returns a copy of the encoded arguments, because the caller may change them before the servers are known. Returns `undefined` when
   * they cannot be encoded: each call then fails with that error.
   */
  #encoded(method: string, args: unknown): Uint8Array | undefined {
    try {
      return Buffer.from(this.#caller.methodCodec.encode(method, args))
    } catch {
      return undefined
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing
    let why = new RpcxError('ERR_RPCX_CLOSED', 'the discovery is closed')
    try {
      for await (const endpoints of this.#discovery.watch(this.#service, { signal })) {
        this.#caller.dispatcher.update(endpoints)
      }
    } catch (cause) {
      this.#watchError = cause
      why = new RpcxError('ERR_RPCX_REGISTRY', `the discovery failed: ${reasonOf(cause)}`, { cause })
    }
    if (signal.aborted) return
    // The client keeps the last list. Without one, nothing is left to wait for.
    this.#caller.dispatcher.noMoreLists(why)
    this.#readiness.end(why)
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#readiness.close()
    this.#caller.close()
    await this.#pool.left()
  }
}

/** The parameters of a call after the method's name. The arguments are optional when the method takes none. */
export type Rest<F> =
  undefined extends Arg<F> ? [args?: Arg<F>, options?: CallOptions] : [args: Arg<F>, options?: CallOptions]

const NO_OPTIONS: CallOptions = Object.freeze({})
