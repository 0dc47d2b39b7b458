import type { Clock, Timer } from '@rpcx/core'
import { RpcxError, reasonOf } from '@rpcx/core'
import type { MulticastLinkOwner } from './multicast-link.ts'
import { MulticastLink } from './multicast-link.ts'
import type { NetworkInterface } from './network-interface.ts'
import { interfacesNow } from './network-interface.ts'

export interface NetworkOptions {
  /** Names or addresses; all when empty. */
  readonly interfaces: readonly string[]
  readonly port: number
}

/** Who uses a network. */
export interface NetworkOwner extends Pick<MulticastLinkOwner, 'heard'> {
  /** A link was opened. */
  up(link: MulticastLink): void
  /** A link is gone. */
  down(link: MulticastLink): void
  /** The interface of a link has other addresses, which the link does not stand on. */
  changed(link: MulticastLink): void
}

/** The links over all interfaces that are wanted, as these come and go. */
export class Network {
  readonly #clock: Clock
  readonly #options: NetworkOptions
  readonly #owner: NetworkOwner
  readonly #links = new Map<string, MulticastLink>()
  /** Why there is no link where there could be one. */
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

  /** Opens what there is, and keeps looking for changes. @throws `ERR_RPCX_REGISTRY` when there is no link at all */
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

  /** Why there is no link. */
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

  /** No system tells of changes to a program without rights, so this looks. */
  #look(): void {
    if (this.#isClosed) return
    const look = (): void => {
      this.#updating = this.#update()
      void this.#updating.then(() => this.#look())
    }
    this.#timer = this.#clock.setTimeout(look, LOOK_MS * (1 + this.#clock.random() / 4))
    this.#timer.unref()
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
      // The group has no route over loopback in IPv6.
      if (on.ipv6 !== undefined && !on.isLoopback) wanted.set(`${on.name} (IPv6)`, { on, family: 'ipv6' })
    }
    return wanted
  }
}

/** What one look costs, a fraction of a millisecond, is nothing beside the time that an interface is up unnoticed. */
const LOOK_MS = 250
/** Before what failed is tried again. */
const AGAIN_MS = 1_000
