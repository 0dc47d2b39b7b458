import type { Events } from '../../events.ts'
import type { Call } from '../call/call.ts'
import type { ClientEvents } from '../client-events.ts'
import type { EndpointHandle } from '../endpoints/endpoint-handle.ts'
import type { SharedConnectionOptions } from './shared-connection.ts'
import { SharedConnection } from './shared-connection.ts'

/** What the services of one client have in common. */
export interface SharedParts {
  readonly pool: ConnectionPool
  readonly events: Events<ClientEvents>
}

/** The links of a client by address: one for each server, whichever of its services are called. */
export class ConnectionPool {
  readonly #options: SharedConnectionOptions
  readonly #links = new Map<string, SharedConnection>()
  /** Links that nobody uses any more, until their last call has ended. */
  readonly #leaving = new Map<SharedConnection, Promise<void>>()

  constructor(options: SharedConnectionOptions) {
    this.#options = options
  }

  /** Every call that waits at a server. */
  *calls(): Generator<Call> {
    for (const link of this.#links.values()) yield* link.calls()
    for (const link of this.#leaving.keys()) yield* link.calls()
  }

  /** The link to the server of this handle, which uses it until it leaves. */
  join(handle: EndpointHandle): SharedConnection {
    const { endpoint } = handle
    let link = this.#links.get(endpoint.address)
    if (link === undefined) {
      link = new SharedConnection(endpoint, this.#options)
      this.#links.set(endpoint.address, link)
    }
    link.subscribers.add(handle)
    return link
  }

  /** The handle sends no more calls. The link closes when the last call has ended, unless others use it. */
  leave(handle: EndpointHandle): void {
    const { shared: link } = handle
    link.subscribers.delete(handle)
    if (link.subscribers.size === 0) {
      this.#links.delete(handle.endpoint.address)
      this.#leaving.set(
        link,
        link.retire().then(() => void this.#leaving.delete(link)),
      )
    }
    link.giveBack(handle)
  }

  /** Resolves when all links that nobody uses are closed. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving.values())
  }
}

/** What servers send without being asked, as events. */
export function pushesTo(
  events: Events<ClientEvents>,
): Pick<SharedConnectionOptions, 'pushed' | 'pushFailed'> {
  return {
    pushed: message => events.emit('push', message),
    pushFailed: (endpoint, error) => events.emit('pushFailed', { endpoint, error }),
  }
}
