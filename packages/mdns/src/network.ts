import type { Clock, Timer } from '@rpcx/core'
import { RpcxError, reasonOf } from '@rpcx/core'
import type { MulticastLinkOwner } from './multicast-link.ts'
import { MulticastLink } from './multicast-link.ts'
import type { NetworkInterface } from './network-interface.ts'
import { interfacesNow } from './network-interface.ts'

export interface NetworkOptions {
  /** Names or addresses of interfaces; empty for all. */
  readonly interfaces: readonly string[]
  readonly port: number
}

/** The receiver of the events of a network. */
export interface NetworkOwner extends Pick<MulticastLinkOwner, 'heard'> {
  /** Called when a link was opened. */
  up(link: MulticastLink): void
  /** Called when a link has closed. */
  down(link: MulticastLink): void
  /** Called when an interface has other addresses, but the link stays open. */
  changed(link: MulticastLink): void
}

/** The links over all wanted interfaces. They open and close as the interfaces come and go. */
export class Network {
  readonly #clock: Clock
  readonly #options: NetworkOptions
  readonly #owner: NetworkOwner
  readonly #links = new Map<string, MulticastLink>()
  /** The errors of links that could not be opened or have failed. */
  readonly #failures = new Map<string, { readonly error: Error; readonly until: number }>()
  #timer: Timer | undefined
  #updating: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(clock: Clock, options: NetworkOptions, owner: NetworkOwner) {
    this.#clock = clock
    this.#options = options
    this.#owner = owner
  }

  get links(): readonly MulticastLink[] {
    return [...this.#links.values()]
  }

  /** Opens all possible links, then keeps checking for changes. @throws `ERR_RPCX_REGISTRY` when there is no link at all */
  async open(): Promise<void> {
    this.#updating = this.#update()
    await this.#updating
    if (this.#links.size === 0) {
      const error = this.nothing()
      await this.close()
      throw error
    }
    this.#look()
  }

  /** Returns the error that explains why there is no link. */
  nothing(): RpcxError {
    const { interfaces } = this.#options
    const [cause] = [...this.#failures.values()].map(({ error }) => error)
    const tried = [...this.#failures].map(([where, { error }]) => `${where}: ${reasonOf(error)}`)
    const wanted = interfaces.length > 0 ? ` named ${interfaces.join(' or ')}` : ''
    const there = [...interfacesNow().values()].map(({ name, ipv4, ipv6 }) => `${name} (${ipv4 ?? ipv6})`)
    const why = tried.length > 0 ? tried.join('; ') : `those that are up: ${there.join(', ') || 'none'}`
    return new RpcxError(
      'ERR_RPCX_REGISTRY',
      `mdns: there is no interface${wanted} with multicast: ${why}. Bring one up with multicast on, or name one in \`interfaces\`; in a container, join a network that carries multicast`,
      { cause },
    )
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#clock.clear(this.#timer)
    await this.#updating
    const links = this.links
    this.#links.clear()
    await Promise.all(links.map(link => link.close()))
  }

  /** Polls the interfaces, because no system notifies unprivileged programs of changes. */
  #look(): void {
    if (this.#isClosed) return
    const look = (): void => {
      this.#updating = this.#update()
      void this.#updating.then(() => this.#look())
    }
    this.#timer = this.#clock.setTimeout(look, LOOK_MS * (1 + this.#clock.random() / 4)).unref()
  }

  async #update(): Promise<void> {
    const wanted = this.#wanted()
    for (const [key, link] of this.#links) {
      const on = wanted.get(key)?.on
      if (on?.basis(link.family) !== link.interface.basis(link.family)) this.#drop(key)
      else if (on !== undefined && on.signature !== link.interface.signature) {
        link.interface = on
        this.#owner.changed(link)
      }
    }
    for (const key of this.#failures.keys()) if (!wanted.has(key)) this.#failures.delete(key)
    for (const [key, { on, family }] of wanted) {
      if (this.#links.has(key) || this.#clock.now() < (this.#failures.get(key)?.until ?? 0)) continue
      try {
        const link = await MulticastLink.open(this.#clock, on, family, this.#options.port, {
          heard: (...what) => this.#owner.heard(...what),
          broke: (broken, error) => {
            if (this.#links.get(key) !== broken) return
            this.#failed(key, error)
            this.#drop(key)
          },
        })
        this.#links.set(key, link)
        this.#failures.delete(key)
        if (!this.#isClosed) this.#owner.up(link)
      } catch (error) {
        this.#failed(key, error as Error)
      }
    }
  }

  #failed(key: string, error: Error): void {
    const until = this.#clock.now() + AGAIN_MS * (1 + this.#clock.random() / 4)
    this.#failures.set(key, { error, until })
  }

  #drop(key: string): void {
    const link = this.#links.get(key)
    if (link === undefined) return
    this.#links.delete(key)
    void link.close()
    this.#owner.down(link)
  }

  #wanted(): Map<string, { readonly on: NetworkInterface; readonly family: 'ipv4' | 'ipv6' }> {
    const { interfaces } = this.#options
    const wanted = new Map<string, { on: NetworkInterface; family: 'ipv4' | 'ipv6' }>()
    for (const on of interfacesNow().values()) {
      const isNamed = [on.name, on.ipv4, on.ipv6].some(
        name => name !== undefined && interfaces.includes(name),
      )
      if (interfaces.length > 0 && !isNamed) continue
      if (on.ipv4 !== undefined) wanted.set(`${on.name} (IPv4)`, { on, family: 'ipv4' })
      // In IPv6, the multicast group has no route over loopback.
      if (on.ipv6 !== undefined && !on.isLoopback) wanted.set(`${on.name} (IPv6)`, { on, family: 'ipv6' })
    }
    return wanted
  }
}

/** One check is cheap, so a short interval is worth it: a new interface is found soon. */
const LOOK_MS = 250
/** How long to wait before a failed link is opened again. */
const AGAIN_MS = 1_000
