import type { Events } from '../events.ts'
import type { Call } from './call.ts'
import type { ClientEvents } from './client-events.ts'
import type { LinkOptions } from './link.ts'
import { Link } from './link.ts'
import type { Node } from './node.ts'

/** What the services of one client have in common. */
export interface Shared {
  readonly pool: Pool
  readonly events: Events<ClientEvents>
}

/** The links of a client by address: one for each server, whichever of its services are called. */
export class Pool {
  readonly #options: LinkOptions
  readonly #links = new Map<string, Link>()
  /** Links that nobody uses any more, until their last call has ended. */
  readonly #leaving = new Map<Link, Promise<void>>()

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** Every call that waits at a server. */
  *calls(): Generator<Call> {
    for (const link of this.#links.values()) yield* link.calls()
    for (const link of this.#leaving.keys()) yield* link.calls()
  }

  /** The link to the server of this node, which uses it until it leaves. */
  join(node: Node): Link {
    const { endpoint } = node
    let link = this.#links.get(endpoint.address)
    if (link === undefined) {
      link = new Link(endpoint, this.#options)
      this.#links.set(endpoint.address, link)
    }
    link.users.add(node)
    return link
  }

  /** The node sends no more calls. The link closes when the last call has ended, unless others use it. */
  leave(node: Node): void {
    const { link } = node
    link.users.delete(node)
    if (link.users.size === 0) {
      this.#links.delete(node.endpoint.address)
      this.#leaving.set(
        link,
        link.retire().then(() => void this.#leaving.delete(link)),
      )
    }
    link.giveBack(node)
  }

  /** Resolves when all links that nobody uses are closed. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving.values())
  }
}

/** What servers send without being asked, as events. */
export function pushesTo(events: Events<ClientEvents>): Pick<LinkOptions, 'pushed' | 'pushFailed'> {
  return {
    pushed: message => events.emit('push', message),
    pushFailed: (endpoint, error) => events.emit('pushFailed', { endpoint, error }),
  }
}
