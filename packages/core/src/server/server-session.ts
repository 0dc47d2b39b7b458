import type { PeerCertificate } from 'node:tls'
import { CallReceiver } from '../call/call-receiver.ts'
import type { CallSource, IncomingCall } from '../call/incoming-call.ts'
import type { PushMessage } from '../call/push-message.ts'
import type { ReverseCallOptions, ReverseReply } from '../call/reverse-call-options.ts'
import { guarded } from '../callbacks.ts'
import type { Clock, Timer } from '../clock.ts'
import { RpcxError } from '../errors.ts'
import { HEALTH_SERVICE } from './health.ts'
import type { Origin, SessionHost } from './origin.ts'
import { hostOf } from './origin.ts'

/**
 * A connection of a server, for any protocol. It passes each call through limits and hooks to the runner. A subclass reads the calls and
 * writes the replies of its protocol.
 */
export abstract class ServerSession extends CallReceiver implements CallSource {
  readonly remoteAddress: string
  readonly #host: SessionHost
  /** The reason to refuse every call: the server does not accept the client's certificate. */
  protected readonly refusal: RpcxError | undefined
  /** The number of calls for which `authenticate` has not settled. */
  #asked = 0
  #lingering: Timer | undefined
  /** The services that were called on this connection, without the newest one. `undefined` for most connections, to save memory. */
  #services: Set<string> | undefined
  #newestService: string | undefined

  constructor(origin: Origin) {
    super()
    const { host, refusal } = hostOf(origin)
    this.remoteAddress = origin.remoteAddress
    this.#host = host
    this.refusal = refusal
  }

  /** The time at which the peer last sent anything, by `clock`. */
  abstract readonly lastReadAt: number
  abstract readonly isReading: boolean
  abstract readonly peerCertificate: PeerCertificate | undefined
  abstract push(message: PushMessage): boolean
  abstract close(reason?: Error): void
  abstract end(): void

  /** Returns the time since which the newest message is incomplete, by `clock`; `undefined` when no message has begun. */
  protected abstract unfinishedSince(now: number): number | undefined

  /** Marks the peer as trusted, because `authenticate` accepted a call. */
  protected trust(): void {}

  /** The clock of the server. */
  get clock(): Clock {
    return this.#host.clock
  }

  async call(method: string, args?: unknown, options?: ReverseCallOptions): Promise<unknown> {
    return (await this.invoke(method, args, options)).reply
  }

  /** Calls a function of the client. A protocol that supports such calls overrides this method. */
  async invoke(method: string, _args?: unknown, _options?: ReverseCallOptions): Promise<ReverseReply> {
    const text = `${method}: the client at ${this.remoteAddress} offers nothing to call`
    throw new RpcxError('ERR_RPCX_UNAVAILABLE', text)
  }

  uses(service: string): void {
    if (service === this.#newestService) return
    if (this.#newestService !== undefined) {
      this.#services ??= new Set()
      this.#services.add(this.#newestService)
    }
    this.#newestService = service
  }

  /** Returns whether `service` was called on this connection. */
  hasUsed(service: string): boolean {
    return service === this.#newestService || this.#services?.has(service) === true
  }

  /** Closes the connection once no call runs or waits and the client sends nothing for `lingerMs`, counted from now or later. */
  drain(lingerMs: number): void {
    const { clock } = this
    const since = clock.now()
    const { events } = this.#host
    const check = (): void => {
      guarded('doors', look, (callback, thrown) => events.callbackFailed(callback, thrown))
    }
    const look = (): void => {
      const quietMs = clock.now() - Math.max(since, this.lastReadAt)
      if (this.#owed === 0 && quietMs >= lingerMs) this.end()
      else this.#lingering = clock.setTimeout(check, Math.max(lingerMs - quietMs, 10))
    }
    check()
  }

  /** Closes the connection if the client is idle or a message is incomplete for too long. To be called regularly. 0: no limit. */
  closeIfOverdue(now: number, idleTimeoutMs: number, frameTimeoutMs: number): void {
    const since = this.unfinishedSince(now)
    if (since !== undefined && frameTimeoutMs > 0 && now - since >= frameTimeoutMs) {
      this.close(
        new RpcxError('ERR_RPCX_TIMEOUT', `session: a frame was not complete within ${frameTimeoutMs} ms`),
      )
    } else if (idleTimeoutMs > 0 && this.#owed === 0 && now - this.lastReadAt >= idleTimeoutMs) {
      this.close(
        new RpcxError('ERR_RPCX_TIMEOUT', `session: the client sent nothing for ${idleTimeoutMs} ms`),
      )
    }
  }

  admit(call: IncomingCall): void {
    try {
      this.#host.admission.enter(this, call)
    } catch (error) {
      this.refuse(call, error)
    }
  }

  run(call: IncomingCall): void {
    this.#host.runner.run(call)
  }

  refuse(call: IncomingCall, error: unknown): void {
    this.#host.runner.refuse(call, error)
  }

  known(call: IncomingCall): void {
    this.trust()
    this.#host.admission.known(call)
  }

  asking(bytes: number): void {
    if (this.#asked >= MAX_ASKED)
      throw new RpcxError(
        'ERR_RPCX_NOT_EXECUTED',
        'rpcx: the server is overloaded: too many calls from a client that is not authenticated yet',
      )
    this.#host.admission.asking(bytes)
    this.#asked++
  }

  asked(bytes: number): void {
    this.#asked--
    this.#host.admission.asked(bytes)
  }

  override began(bytes: number): void {
    super.began(bytes)
    this.#host.admission.began(bytes)
  }

  override ended(bytes: number): void {
    super.ended(bytes)
    this.#host.admission.ended(bytes)
  }

  /** Returns whether to process a message that has arrived, as the `beforeRead` hooks decide. */
  protected mayRead(): boolean {
    if (this.#host.plugins.calls?.beforeRead(this) !== false) return true
    this.close()
    return false
  }

  /** Accepts a call: runs it, queues it or refuses it. */
  protected take(call: IncomingCall): void {
    const { plugins, meters, admission } = this.#host
    meters.calls.mark()
    try {
      if (this.refusal !== undefined) throw this.refusal
      const why = this.#host.whyNot()
      if (why !== undefined && call.service !== HEALTH_SERVICE)
        throw new RpcxError('ERR_RPCX_NOT_EXECUTED', `rpcx: the server is ${why}`)
      plugins.calls?.afterRead(call)
      admission.enter(this, call)
    } catch (error) {
      this.refuse(call, error)
      if (error === this.refusal) this.end()
    }
  }

  /** Counts a call that cannot be read. @param isOneway whether the caller expects no reply */
  protected unreadable(error: RpcxError, isOneway: boolean): void {
    const { meters, events } = this.#host
    meters.calls.mark()
    meters.failed(error.code)
    if (isOneway) events.emit('onewayFailed', { service: '', method: '', error })
  }

  /** Runs queued calls that waited for the peer to read again. */
  protected resumed(): void {
    this.#host.admission.advance()
  }

  /** Ends the session after its connection has closed. `error` is the cause, if there is one. To be called once. */
  protected lost(error: Error | undefined): void {
    const { remoteAddress } = this
    const reason = new RpcxError('ERR_RPCX_CLOSED', `session: the connection of ${remoteAddress} is gone`, {
      cause: error,
    })
    this.clock.clear(this.#lingering)
    this.#host.admission.forget(this)
    this.abortAll(reason)
    this.#host.closed(this)
    // No event announced this connection.
    if (this.refusal !== undefined) return
    if (error !== undefined) this.#host.meters.failedConnections++
    this.#host.plugins.connectionClosed(this, error)
    this.#host.events.emit('connectionClosed', { remoteAddress, ...(error && { error }) })
  }

  /** The number of calls without a reply yet. */
  get #owed(): number {
    return this.inFlight + this.#asked + this.#host.admission.waitingOf(this)
  }
}

// The maximum number of calls of one connection for which `authenticate` has not settled.
const MAX_ASKED = 100
