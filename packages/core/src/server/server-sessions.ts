import type { Duplex } from 'node:stream'
import type { CallSource } from '../call/incoming-call.ts'
import type { PushMessage } from '../call/push-message.ts'
import { guarded, wrongResult } from '../callbacks.ts'
import type { Timer } from '../clock.ts'
import { MAX_TIMER_MS } from '../clock.ts'
import type { RpcxError } from '../errors.ts'
import { checkMs } from '../options.ts'
import { within } from '../within.ts'
import type { Door } from './door.ts'
import { chooseDoor } from './door.ts'
import type { Origin, SessionHost } from './origin.ts'
import { originOf } from './origin.ts'
import type { ServerOptions } from './server-options.ts'
import type { ServerSession } from './server-session.ts'

type SessionsOptions = Pick<ServerOptions, 'idleTimeoutMs' | 'frameTimeoutMs' | 'lingerMs' | 'doors'>

/** The open connections of a server. */
export class ServerSessions {
  readonly #host: SessionHost
  readonly #idleTimeoutMs: number
  readonly #frameTimeoutMs: number
  readonly #lingerMs: number
  readonly #doors: readonly Door[]
  readonly #openRpcx: (stream: Duplex, origin: Origin) => ServerSession
  readonly #sessions = new Set<ServerSession>()
  /** Connections whose protocol is not known yet, each with the timer that closes it. */
  readonly #undecided = new Map<Duplex, Timer | undefined>()
  #timer: Timer | undefined
  #emptied: (() => void) | undefined
  #isDraining = false

  /**
   * @param openRpcx opens a session on a connection that no door matches
   * @throws RangeError or TypeError that names the option
   */
  constructor(
    options: SessionsOptions,
    host: Omit<SessionHost, 'closed'>,
    openRpcx: (stream: Duplex, origin: Origin) => ServerSession,
  ) {
    const { doors = [] } = options
    this.#doors = checkDoors(doors)
    this.#openRpcx = openRpcx
    const { idleTimeoutMs = 300_000, frameTimeoutMs = 30_000, lingerMs = 1_000 } = options
    this.#idleTimeoutMs = checkMs('Server', 'idleTimeoutMs', idleTimeoutMs)
    this.#frameTimeoutMs = checkMs('Server', 'frameTimeoutMs', frameTimeoutMs)
    this.#lingerMs = checkMs('Server', 'lingerMs', lingerMs)
    this.#host = Object.assign(host, {
      closed: (session: CallSource) => this.#forget(session as ServerSession),
    })
  }

  get size(): number {
    return this.#sessions.size + this.#undecided.size
  }

  open(stream: Duplex, remoteAddress: string, refusal: RpcxError | undefined): void {
    const origin = originOf(remoteAddress, this.#host, refusal)
    const isForRpcx = this.#doors.length === 0 || refusal !== undefined
    if (isForRpcx) this.#enter(this.#openRpcx(stream, origin), refusal)
    else this.#decide(stream, origin)
  }

  /** Returns the number of connections on which `service` was called. */
  using(service: string): number {
    let count = 0
    for (const session of this.#sessions) if (session.hasUsed(service)) count++
    return count
  }

  /** Sends a message on every connection on which `service` was called. Returns the number of connections. */
  push(service: string, message: PushMessage): number {
    let count = 0
    for (const session of this.#sessions) if (session.hasUsed(service) && session.push(message)) count++
    return count
  }

  /** Closes each connection once its calls have ended and its client had time to close it. After `drainMs`, closes those that are left. */
  async drain(drainMs: number): Promise<void> {
    const { clock } = this.#host
    this.#isDraining = true
    for (const session of this.#sessions) this.#ask(() => session.drain(this.#lingerMs))
    for (const [stream, timer] of this.#undecided) {
      clock.clear(timer)
      this.#undecided.set(stream, this.#endIn(stream, this.#lingerMs))
    }
    if (this.size > 0) {
      const ms = Math.min(drainMs + this.#lingerMs, MAX_TIMER_MS)
      await within(clock, ms, new Promise<void>(resolve => (this.#emptied = resolve)))
    }
    clock.clear(this.#timer)
    for (const session of this.#sessions) this.#ask(() => session.close())
    for (const stream of this.#undecided.keys()) stream.destroy()
  }

  #enter(session: ServerSession, refusal: RpcxError | undefined): void {
    const { meters, events, plugins } = this.#host
    const { remoteAddress } = session
    this.#sessions.add(session)
    // The TLS handshake of this connection ended after the server stopped listening.
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

  /** Reads the first bytes of a connection until its protocol is known. */
  #decide(stream: Duplex, origin: Origin): void {
    const { events } = this.#host
    const failed = (thrown: unknown): void => events.callbackFailed('doors', thrown)
    const forget = (): void => this.#undecide(stream)
    const destroy = (): void => void stream.destroy()
    // A connection that sends no first byte is idle.
    const ms = this.#isDraining ? this.#lingerMs : this.#idleTimeoutMs
    this.#undecided.set(stream, this.#endIn(stream, ms))
    stream.on('error', ignore).once('close', forget).once('end', destroy)
    chooseDoor(
      stream,
      this.#doors,
      door => {
        stream.off('error', ignore).off('close', forget).off('end', destroy)
        try {
          this.#enter(
            door === undefined ? this.#openRpcx(stream, origin) : opened(door, stream, origin),
            undefined,
          )
        } catch (thrown) {
          failed(thrown)
          stream.on('error', ignore).destroy()
        } finally {
          // Not earlier: `drain` must not see zero connections before this one becomes a session.
          this.#undecide(stream)
        }
      },
      failed,
    )
  }

  #endIn(stream: Duplex, ms: number): Timer | undefined {
    if (ms === 0) return undefined
    return this.#host.clock.setTimeout(() => stream.destroy(), Math.min(ms, MAX_TIMER_MS)).unref()
  }

  #undecide(stream: Duplex): void {
    this.#host.clock.clear(this.#undecided.get(stream))
    this.#undecided.delete(stream)
    if (this.size === 0) this.#emptied?.()
  }

  #watch(): void {
    const shortest = Math.min(...[this.#idleTimeoutMs, this.#frameTimeoutMs].filter(ms => ms > 0))
    if (this.#timer !== undefined || shortest === Number.POSITIVE_INFINITY) return
    // Reads pending data first, so that data which has arrived does not count as missing.
    this.#timer = this.#host.clock.setInterval(() => setImmediate(() => this.#sweep()), shortest / 4).unref()
  }

  #sweep(): void {
    const now = this.#host.clock.now()
    for (const session of this.#sessions)
      this.#ask(() => session.closeIfOverdue(now, this.#idleTimeoutMs, this.#frameTimeoutMs))
  }

  /** Runs a method of a session that may belong to a door. Reports an exception, which no caller could catch, as an event. */
  #ask(run: () => void): void {
    guarded('doors', run, (callback, thrown) => this.#host.events.callbackFailed(callback, thrown))
  }

  #forget(session: ServerSession): void {
    this.#sessions.delete(session)
    if (this.size === 0) this.#emptied?.()
  }
}

/** @throws TypeError when the door returns no session */
function opened(door: Door, stream: Duplex, origin: Origin): ServerSession {
  const session = door.open(stream, origin)
  // No `instanceof`: the session may come from another copy of this package.
  if (typeof session?.closeIfOverdue === 'function') return session
  throw wrongResult('open() of a door', session, 'a ServerSession')
}

function checkDoors(doors: readonly Door[]): readonly Door[] {
  for (const [i, door] of doors.entries()) {
    if (typeof door?.matches !== 'function' || typeof door.open !== 'function')
      throw new TypeError(`Server: doors[${i}] is not a door: it has no matches() and open()`)
  }
  return [...doors]
}

// An error before the protocol is known has no session that could report it.
function ignore(): void {}
