import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { RegistryHost } from '@rpcx/core'
import { Semaphore } from '@rpcx/core'
import { MOST_QUERIES } from './query-slots.ts'
import type { Access } from './settings.ts'

/**
 * The connections of this process to one agent. All users with the same options share them, because Consul limits the connections for each
 * client address, and several processes may have the same address.
 */
export class Sockets {
  readonly http: HttpAgent
  /**
   * Gives requests that do not block their turn. The time limit of the library includes the wait for a free socket, so a request that waits
   * long would fail as if Consul had not answered.
   */
  readonly requests: Semaphore = new Semaphore(MOST_REQUESTS)
  readonly #forget: () => void
  #users = 0

  private constructor(http: HttpAgent, forget: () => void) {
    this.http = http
    this.#forget = forget
  }

  /** Returns the connections. Each caller must release them. */
  static take({ host, port }: RegistryHost, { tls }: Pick<Access, 'tls'>): Sockets {
    const known = shared.get(tls ?? PLAIN) ?? new Map<string, Sockets>()
    shared.set(tls ?? PLAIN, known)
    const key = `${host}:${port}`
    const options = { keepAlive: true, maxSockets: MOST_SOCKETS, host }
    const make = (): HttpAgent =>
      tls === undefined ? new HttpAgent(options) : new HttpsAgent({ ...options, ...tls })
    const forget = (): void => {
      if (known.get(key) === sockets) known.delete(key)
    }
    const sockets: Sockets = known.get(key) ?? new Sockets(make(), forget)
    known.set(key, sockets)
    sockets.#users++
    return sockets
  }

  /** Releases the connections. @param isBroken whether the agent failed; idle connections are then closed and never reused */
  release(isBroken: boolean): void {
    this.#users--
    if (this.#users > 0 && !isBroken) return
    this.#forget()
    if (this.#users === 0) this.http.destroy()
    else for (const idle of Object.values(this.http.freeSockets).flat()) idle?.destroy()
  }
}

/** The connections by TLS options, then by host and port. */
const shared = new WeakMap<object, Map<string, Sockets>>()
const PLAIN = {}
const MOST_REQUESTS = 4
const MOST_SOCKETS = MOST_QUERIES + MOST_REQUESTS
