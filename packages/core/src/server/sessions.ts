import type { Duplex } from 'node:stream'
import type { PushMessage } from '../call/push-message.ts'
import type { RpcxError } from '../errors.ts'
import { checkMs } from '../options.ts'
import { within } from '../within.ts'
import type { SessionHost } from './rpcx/session.ts'
import { Session } from './rpcx/session.ts'
import type { ServerOptions } from './server-options.ts'

type SessionsOptions = Pick<ServerOptions, 'idleTimeoutMs' | 'frameTimeoutMs' | 'lingerMs'>

/** The open connections of a server. */
export class Sessions {
  readonly #host: SessionHost
  readonly #idleTimeoutMs: number
  readonly #frameTimeoutMs: number
  readonly #lingerMs: number
  readonly #sessions = new Set<Session>()
  #timer: NodeJS.Timeout | undefined
  #emptied: (() => void) | undefined
  #isDraining = false

  /** @throws RangeError that names the option */
  constructor(options: SessionsOptions, host: Omit<SessionHost, 'closed'>) {
    const { idleTimeoutMs = 300_000, frameTimeoutMs = 30_000, lingerMs = 1_000 } = options
    this.#idleTimeoutMs = checkMs('Server', 'idleTimeoutMs', idleTimeoutMs)
    this.#frameTimeoutMs = checkMs('Server', 'frameTimeoutMs', frameTimeoutMs)
    this.#lingerMs = checkMs('Server', 'lingerMs', lingerMs)
    this.#host = Object.assign(host, { closed: (session: Session) => this.#forget(session) })
  }

  get size(): number {
    return this.#sessions.size
  }

  open(stream: Duplex, remoteAddress: string, refusal: RpcxError | undefined): void {
    const { meters, events, plugins } = this.#host
    const session = new Session(stream, remoteAddress, this.#host, refusal)
    this.#sessions.add(session)
    // Its TLS handshake took longer than it took to stop listening.
    if (this.#isDraining) session.drain(this.#lingerMs)
    this.#watch()
    if (refusal !== undefined) return
    meters.connections.mark()
    events.emit('connectionOpened', { remoteAddress })
    try {
      plugins.connectionOpened(session)
    } catch (error) {
      session.close(error as Error)
    }
  }

  /** How many have called that service. */
  using(service: string): number {
    let count = 0
    for (const session of this.#sessions) if (session.hasUsed(service)) count++
    return count
  }

  /** Sends a message to all who have called that service; returns to how many. */
  push(service: string, message: PushMessage): number {
    let count = 0
    for (const session of this.#sessions) if (session.hasUsed(service) && session.push(message)) count++
    return count
  }

  /** Closes each once its calls have ended and its client has had time to go; after `drainMs`, those that are left. */
  async drain(drainMs: number): Promise<void> {
    this.#isDraining = true
    for (const session of this.#sessions) session.drain(this.#lingerMs)
    if (this.#sessions.size > 0) {
      const ms = Math.min(drainMs + this.#lingerMs, MAX_TIMER_MS)
      await within(ms, new Promise<void>(resolve => (this.#emptied = resolve)))
    }
    clearInterval(this.#timer)
    for (const session of this.#sessions) session.close()
  }

  #watch(): void {
    const shortest = Math.min(...[this.#idleTimeoutMs, this.#frameTimeoutMs].filter(ms => ms > 0))
    if (this.#timer !== undefined || shortest === Number.POSITIVE_INFINITY) return
    // What can be read by then is read before it counts as missing.
    this.#timer = setInterval(() => setImmediate(() => this.#sweep()), shortest / 4).unref()
  }

  #sweep(): void {
    const now = performance.now()
    for (const session of this.#sessions)
      session.closeIfOverdue(now, this.#idleTimeoutMs, this.#frameTimeoutMs)
  }

  #forget(session: Session): void {
    this.#sessions.delete(session)
    if (this.#sessions.size === 0) this.#emptied?.()
  }
}

// Beyond this, Node's timers fire at once.
const MAX_TIMER_MS = 2 ** 31 - 1
