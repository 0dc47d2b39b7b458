import type { Events } from '../events.ts'
import type { Metrics } from './meters.ts'

/**
 * What extends a server. A register plugin is one: it keeps a registry in step with what the server offers. One plugin may
 * be added to several servers.
 */
export interface ServerPlugin {
  /** Called by `plugins.add`. What belongs to this one server lives in the hooks that it returns. */
  attach(host: PluginHost): ServerHooks
}

/** What a plugin does at each turn of one server's life. Every hook is optional. */
export interface ServerHooks {
  /** A service is about to be registered. Throw to refuse it; the server then never offers it. */
  registering?(service: string, metadata: string): void
  /** A service is registered, or was before the plugin was added. */
  registered?(service: string, metadata: string): void
  /** The metadata of a service are about to change. Throw to refuse; otherwise resolve when others can see it. */
  changed?(service: string, metadata: string): Promise<void>
  /** A service is no longer offered. Resolve when others can no longer see it. */
  unregistered?(service: string): Promise<void>
  /** The server listens. `serve()` waits for this and rejects if it does. */
  listening?(address: string): Promise<void>
  /** Resolve when all that is registered is visible to others. */
  published?(): Promise<void>
  /** The server is about to drain: take it out of every list. Errors are reported as an event. */
  closing?(): Promise<void>
}

/** What a plugin may know and use of its server. */
export interface PluginHost {
  /** Unique to this server. */
  readonly id: string
  /** `network@host:port`, once the server listens. */
  readonly address: string | undefined
  readonly metrics: Metrics
  readonly events: Events<ServerEvents>
  /** Makes the server reachable inside this process and returns the address, `memu@<id>`. */
  listenInMemory(): string
}

/** What a server tells when there is no caller to tell. */
export interface ServerEvents {
  connectionOpened: { remoteAddress: string }
  /** `error` when it was closed because of one: a malformed frame, a reset. */
  connectionClosed: { remoteAddress: string; error?: Error }
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
  /** Another live server is registered at this address; ours waits until it goes. */
  conflict: { registry: string; service: string; address: string; error: Error }
  withdrawn: { registry: string; service: string; address: string }
  registryDown: { registry: string; error: Error }
  registryBack: { registry: string }
}
