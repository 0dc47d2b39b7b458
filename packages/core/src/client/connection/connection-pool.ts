import type { Events } from '../../events.ts'
import type { Call } from '../call/call.ts'
import type { ClientEvents } from '../client-events.ts'
import type { ChannelPool, EndpointHandle } from '../endpoints/endpoint-handle.ts'
import type { SharedConnectionOptions } from './shared-connection.ts'
import { SharedConnection } from './shared-connection.ts'

/** The parts that all services of one client share. */
export interface SharedParts {
  readonly pool: ConnectionPool
  readonly events: Events<ClientEvents>
}

/** The connections of a client, by address: one per server, which all its services share. */
export class ConnectionPool implements ChannelPool {
  readonly #options: SharedConnectionOptions
  readonly #connections = new Map<string, SharedConnection>()
  /** Connections without subscribers, until their last call has ended. */
  readonly #leaving = new Map<SharedConnection, Promise<void>>()

  constructor(options: SharedConnectionOptions) {
    this.#options = options
  }

  /** Yields every call that waits for a connection or a reply. */
  *calls(): Generator<Call> {
    for (const connection of this.#connections.values()) yield* connection.calls()
    for (const connection of this.#leaving.keys()) yield* connection.calls()
  }

  /** Returns the connection to the server of this handle. The handle uses it until `leave`. */
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

  /** Removes a handle, which sends no more calls. Without other handles, the connection closes when its last call has ended. */
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

  /** Resolves when all connections without subscribers are closed. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving.values())
  }
}

/** Returns handlers that emit the messages that servers push as events. */
export function pushesTo(
  events: Events<ClientEvents>,
): Pick<SharedConnectionOptions, 'pushed' | 'pushFailed'> {
  return {
    pushed: message => events.emit('push', message),
    pushFailed: (endpoint, error) => events.emit('pushFailed', { endpoint, error }),
  }
}
