import type { Socket } from 'node:net'
import { type Direction, ProxiedConnection } from './proxied-connection.ts'

/** Proxied connections that are cut, stalled and delayed together. */
export class ConnectionGroup {
  readonly #open = new Set<ProxiedConnection>()
  readonly #held = new Set<Socket>()
  #isCut = false
  #stalled: Direction | undefined
  #delayMs = 0

  get connections(): number {
    return this.#open.size
  }

  get isCut(): boolean {
    return this.#isCut
  }

  get isStalled(): boolean {
    return this.#stalled !== undefined
  }

  /** Forwards bytes between the two sockets, until both have ended. */
  join(client: Socket, target: Socket): void {
    const proxied = new ProxiedConnection(client, target, () => this.#open.delete(proxied))
    this.#open.add(proxied)
    proxied.set(this.#stalled, this.#delayMs)
  }

  /** Leaves a client without an answer until `heal`, which resets it. */
  hold(client: Socket): void {
    this.#held.add(client)
    client.on('error', () => {})
    client.once('end', () => client.destroy())
    client.once('close', () => this.#held.delete(client))
    client.resume()
  }

  /** Resets all connections. The owner must reset new ones until `heal`. */
  cut(): void {
    this.#isCut = true
    this.drop()
  }

  /** Resets the existing connections only. */
  drop(): void {
    for (const proxied of this.#open) proxied.reset()
    for (const client of this.#held) client.resetAndDestroy()
  }

  stall(direction: Direction): void {
    this.#stalled = direction
    this.#apply()
  }

  delay(ms: number): void {
    this.#delayMs = ms
    this.#apply()
  }

  heal(): void {
    this.#isCut = false
    this.#stalled = undefined
    this.#delayMs = 0
    this.#apply()
    for (const client of this.#held) client.resetAndDestroy()
  }

  #apply(): void {
    for (const proxied of this.#open) proxied.set(this.#stalled, this.#delayMs)
  }
}
