import type { CallContext } from '../call/call-context.ts'
import type { ServerConnection } from '../call/server-connection.ts'
import type { Clock } from '../clock.ts'
import type { CallbackEvents, PublicEvents } from '../events.ts'
import type { Health } from './health.ts'
import type { ServerMetrics } from './meters.ts'

/**
 * What extends a server. A register plugin is one: it keeps a registry in step with what the server offers. One plugin may
 * be added to several servers.
 */
export interface ServerPlugin {
  /** Called by `plugins.add`. What belongs to this one server lives in the hooks that it returns. */
  attach(host: PluginHost): ServerHooks
}

/**
 * What a plugin does at each turn of one server's life, of a connection and of a call. Every hook is optional; plugins are
 * asked in the order in which they were added.
 *
 * Where a call can be refused, an `RpcxError` or a `ServiceError` that is thrown there is what the caller is told, code and text. Anything else
 * is taken for a mistake in the plugin: it goes into the event `pluginFailed`, and the caller is told nothing of it. Nobody waits for the
 * promise of a hook that returns none by its type: where something can be refused, it is refused then.
 */
export interface ServerHooks {
  /** A service is about to be registered. Throw to refuse it; the server then never offers it. */
  registering?(service: string, metadata: string): void
  /** A service is registered, or was before the plugin was added. What it throws is reported as an event. */
  registered?(service: string, metadata: string): void
  /** The metadata of a service are about to change. Throw to refuse; otherwise resolve when others can see it. */
  changed?(service: string, metadata: string): Promise<void>
  /** A service is no longer offered. Resolve when others can no longer see it. */
  unregistered?(service: string): Promise<void>
  /**
   * The server listens. `serve()` waits for this and rejects if it does.
   * @param waiting aborts when `serve()` has waited for `startTimeoutMs`. It resolves then, unless this rejects at once.
   */
  listening?(address: string, waiting: AbortSignal): Promise<void>
  /** Resolve when all that is registered is visible to others. */
  published?(): Promise<void>
  /** The server is about to drain: take it out of every list. Errors are reported as an event. */
  closing?(): Promise<void>

  /** A connection is open, and nothing of it was read. Throw to close it. */
  connectionOpened?(connection: ServerConnection): void
  /** A connection is gone; `error` when because of one. What it throws is reported as an event. */
  connectionClosed?(connection: ServerConnection, error: Error | undefined): void

  /** A frame came, perhaps a heartbeat, and nobody has looked at it. Throw to close the connection. */
  beforeRead?(connection: ServerConnection): void
  /** A call was read: neither its caller nor its arguments were looked at. Throw to refuse it. */
  afterRead?(call: CallContext): void
  /** The method is about to run. May set `responseMetadata`; what `around` is for is to change the arguments. Throw to refuse the call. */
  beforeCall?(call: CallContext, args: unknown): void
  /**
   * Runs the method by `next`, once, more often or not at all; what it returns is the reply, and what it throws is what the
   * caller is told. The plugin that was added first is outermost.
   */
  around?(call: CallContext, args: unknown, next: (args: unknown) => Promise<unknown>): unknown
  /** The method has settled. What this throws is reported as an event; the reply stays. */
  afterCall?(call: CallContext, error: Error | undefined): void
  /** The answer is about to be written, also one that refuses. May set `responseMetadata`. What it throws is reported as an event. */
  beforeWrite?(call: CallContext, error: Error | undefined): void
  /** The answer was handed to the connection. What it throws is reported as an event. */
  afterWrite?(call: CallContext, error: Error | undefined): void
}

/** What a plugin may know and use of its server. */
export interface PluginHost {
  /** Unique to this server. */
  readonly id: string
  /** `network@host:port`, once the server listens. */
  readonly address: string | undefined
  /** How the server is now, as clients are told. */
  readonly health: Health
  readonly metrics: ServerMetrics
  readonly events: PublicEvents<ServerEvents>
  /** Where the server gets time and chance from, and its plugins should. */
  readonly clock: Clock
  /** Makes the server reachable inside this process and returns the address, `memu@<id>`. */
  listenInMemory(): string
}

/** What a server tells when there is no caller to tell. */
export interface ServerEvents extends CallbackEvents {
  connectionOpened: { remoteAddress: string }
  /** `error` when it was closed because of one: a malformed frame, a reset. */
  connectionClosed: { remoteAddress: string; error?: Error }
  /** A connection was turned away: by `deny`, `allow` or `maxConnections`, or in its TLS handshake. */
  connectionRefused: { remoteAddress: string; error: Error }
  /** A caller was refused; `error.cause` when `authenticate` threw. Its connection is closed. */
  authenticationFailed: { remoteAddress: string; service: string; method: string; error: Error }
  /** A one-way call failed; its caller does not wait to hear of it. */
  onewayFailed: { service: string; method: string; error: Error }
  pluginFailed: { error: Error }
  /** A registry shows this service at this address. */
  registered: { registry: string; service: string; address: string }
  /** A registry no longer showed it, though it should; it is being registered again. */
  lost: {
    registry: string
    service: string
    address: string
    why: 'deleted' | 'expired' | 'taken'
    error: Error
  }
  /** Someone wrote our entry in such a way that it would stay for ever; it is being written again. */
  detached: { registry: string; service: string; address: string }
  /** Another live server is registered at this address; ours waits until it goes. */
  conflict: { registry: string; service: string; address: string; error: Error }
  withdrawn: { registry: string; service: string; address: string }
  registryDown: { registry: string; error: Error }
  registryBack: { registry: string }
}
