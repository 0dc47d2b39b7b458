import type { CallContext } from '../call/call-context.ts'
import type { ServerConnection } from '../call/server-connection.ts'
import type { Clock } from '../clock.ts'
import type { CallbackEvents, PublicEvents } from '../events.ts'
import type { Health } from './health.ts'
import type { ServerMetrics } from './meters.ts'

/**
 * An extension of a server. A register plugin, for example, keeps a registry in step with the services of the server. Several servers may
 * share one plugin.
 */
export interface ServerPlugin {
  /** Attaches the plugin to one server; `plugins.add` calls it. State that belongs to this server belongs in the returned hooks. */
  attach(host: PluginHost): ServerHooks
}

/**
 * The hooks of a plugin for one server. Every hook is optional. The server calls plugins in the order in which they were added.
 *
 * A hook that may refuse a call does so with an `RpcxError` or a `ServiceError`, and the caller gets its code and message. Any other error
 * counts as a bug of the plugin: it becomes the event `pluginFailed`, and the caller does not see it. A hook of type `void` has to
 * throw synchronously to refuse. If a hook that may refuse returns a promise, the server refuses.
 */
export interface ServerHooks {
  /** Called before a service is registered. Throw to refuse it; the server then never offers it. */
  registering?(service: string, metadata: string): void
  /** Called for each registered service, including those registered earlier. An error becomes the event `pluginFailed`. */
  registered?(service: string, metadata: string): void
  /** Called when the metadata of a service are to change. Throw to refuse; otherwise resolve when clients can see the change. */
  changed?(service: string, metadata: string): Promise<void>
  /** Called by `unregister()`. Resolve when clients no longer see the service. */
  unregistered?(service: string): Promise<void>
  /**
   * Called once the server listens. `serve()` waits for it, and rejects if it rejects.
   * @param waiting aborts after `startTimeoutMs`. `serve()` then resolves, unless this hook rejects at once.
   */
  listening?(address: string, waiting: AbortSignal): Promise<void>
  /** Called by `published()`. Resolve when every registry lists all registered services. */
  published?(): Promise<void>
  /** Called before the server drains. Remove the server from every registry. An error becomes the event `pluginFailed`. */
  closing?(): Promise<void>

  /** Called when a connection opens, before anything is read from it. Throw to close it. */
  connectionOpened?(connection: ServerConnection): void
  /** Called when a connection has closed; `error` is the cause, if there is one. An error becomes the event `pluginFailed`. */
  connectionClosed?(connection: ServerConnection, error: Error | undefined): void

  /** Called for each frame, heartbeats included, before it is parsed. Throw to close the connection. */
  beforeRead?(connection: ServerConnection): void
  /** Called when a call was read, before authentication and decoding. Throw to refuse it. */
  afterRead?(call: CallContext): void
  /** Called before the method runs. May set `responseMetadata`; use `around` to change the arguments. Throw to refuse the call. */
  beforeCall?(call: CallContext, args: unknown): void
  /**
   * Runs the method by `next`: once, several times or not at all. The caller gets what this hook returns or throws. The plugin that was
   * added first is outermost.
   */
  around?(call: CallContext, args: unknown, next: (args: unknown) => Promise<unknown>): unknown
  /** Called when the method has settled. An error becomes the event `pluginFailed`; the reply stays. */
  afterCall?(call: CallContext, error: Error | undefined): void
  /** Called before a reply or an error is written. May set `responseMetadata`. An error becomes the event `pluginFailed`. */
  beforeWrite?(call: CallContext, error: Error | undefined): void
  /** Called once the reply or error was passed to the connection. An error becomes the event `pluginFailed`. */
  afterWrite?(call: CallContext, error: Error | undefined): void
}

/** What a plugin can read and use of its server. */
export interface PluginHost {
  /** The id of the server, which no other server has. */
  readonly id: string
  /** The address of the server, `network@host:port`; `undefined` before it listens. */
  readonly address: string | undefined
  /** The current health of the server, as clients see it. */
  readonly health: Health
  readonly metrics: ServerMetrics
  readonly events: PublicEvents<ServerEvents>
  /** The server's source of time and randomness. Plugins should use it, too. */
  readonly clock: Clock
  /** Makes the server reachable inside this process. Returns the address, `memu@<id>`. */
  listenInMemory(): string
}

/** The events of a server. */
export interface ServerEvents extends CallbackEvents {
  connectionOpened: { remoteAddress: string }
  /** `error` is the cause, such as a malformed frame or a reset; absent after an ordinary close. */
  connectionClosed: { remoteAddress: string; error?: Error }
  /** A connection was refused: by `deny`, `allow` or `maxConnections`, or in its TLS handshake. */
  connectionRefused: { remoteAddress: string; error: Error }
  /** A caller was refused, and its connection is closed. `error.cause` is what `authenticate` threw, if it did. */
  authenticationFailed: { remoteAddress: string; service: string; method: string; error: Error }
  /** A one-way call failed. Its caller gets no error. */
  onewayFailed: { service: string; method: string; error: Error }
  pluginFailed: { error: Error }
  /** A registry lists this service at this address. */
  registered: { registry: string; service: string; address: string }
  /** A registry no longer lists the service, although the server offers it. The plugin registers it again. */
  lost: {
    registry: string
    service: string
    address: string
    why: 'deleted' | 'expired' | 'taken'
    error: Error
  }
  /** Another program rewrote the registry entry so that it would never expire. The plugin writes it again. */
  detached: { registry: string; service: string; address: string }
  /** Another live server is registered at this address. This server waits until that entry is gone. */
  conflict: { registry: string; service: string; address: string; error: Error }
  withdrawn: { registry: string; service: string; address: string }
  registryDown: { registry: string; error: Error }
  registryBack: { registry: string }
}
