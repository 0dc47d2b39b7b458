import type { Events } from '../../events.ts'
import type { Call } from '../call/call.ts'
import type { ClientEvents } from '../client-events.ts'
import type { ChannelPool, EndpointHandle } from '../endpoints/endpoint-handle.ts'
import type { SharedConnectionOptions } from './shared-connection.ts'
import { SharedConnection } from './shared-connection.ts'

/** What the services of one client have in common. */
export interface SharedParts {
  readonly pool: ConnectionPool
  readonly events: Events<ClientEvents>
}

/** The connections of a client by address: one for each server, whichever of its services are called. */
export class ConnectionPool implements ChannelPool {
  readonly #options: SharedConnectionOptions
  readonly #connections = new Map<string, SharedConnection>()
  /** Those that nobody uses any more, until their last call has ended. */
  readonly #leaving = new Map<SharedConnection, Promise<void>>()

  constructor(options: SharedConnectionOptions) {
    this.#options = options
  }

  /** Every call that waits at a server. */
  *calls(): Generator<Call> {
    for (const connection of this.#connections.values()) yield* connection.calls()
    for (const connection of this.#leaving.keys()) yield* connection.calls()
  }

  /** The connection to the server of this handle, which uses it until it leaves. */
  join(handle: EndpointHandle): SharedConnection {
    const { endpoint } = handle
    let connection = this.#connections.get(endpoint.address)
    if (connection === undefined) {
      connection = new SharedConnection(endpoint, this.#options)
      this.#connections.set(endpoint.address, connection)
    }
    connection.subscribers.add(handle)
    return connection
  }

  /** The handle sends no more calls. It closes when the last call has ended, unless others use it. */
  leave(handle: EndpointHandle): void {
    const connection = this.#connections.get(handle.endpoint.address)
    if (connection === undefined) return
    connection.subscribers.delete(handle)
    if (connection.subscribers.size === 0) {
      this.#connections.delete(handle.endpoint.address)
      this.#leaving.set(
        connection,
        connection.retire().then(() => void this.#leaving.delete(connection)),
      )
    }
    connection.giveBack(handle)
  }

  /** Resolves when all that nobody uses are closed. */
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
