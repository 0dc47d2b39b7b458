import type { ServerConnection } from '../call/server-connection.ts'
import { decidedNow, toError, watchRejection } from '../callbacks.ts'
import { isRpcxError } from '../errors.ts'
import { checkMethods } from '../options.ts'
import { within } from '../within.ts'
import { CallHooks } from './call-hooks.ts'
import type { PluginHost, ServerHooks, ServerPlugin } from './plugin.ts'

/** The plugins of one server. Runs each hook through all of them. */
export class Plugins {
  readonly #host: PluginHost
  readonly #services: () => ReadonlyMap<string, string>
  readonly #plugins: ServerHooks[] = []
  #calls: CallHooks | undefined

  constructor(host: PluginHost, services: () => ReadonlyMap<string, string>) {
    this.#host = host
    this.#services = services
  }

  /** The hooks around each call; `undefined` when no plugin has any. */
  get calls(): CallHooks | undefined {
    return this.#calls
  }

  /** Adds a plugin, before or after services are registered. @throws what the plugin throws to refuse one of these services */
  add(plugin: ServerPlugin): void {
    checkMethods('plugins.add: the argument', plugin, 'a plugin', ['attach'])
    const hooks = decidedNow('attach', plugin.attach(this.#host))
    if (typeof hooks !== 'object' || hooks === null)
      throw new TypeError('plugins.add: attach() returns no hooks')
    const services = this.#services()
    try {
      for (const [service, metadata] of services)
        decidedNow('registering', hooks.registering?.(service, metadata))
    } catch (error) {
      // The plugin is attached already, so it has to be closed.
      void this.#close(hooks)
      throw error
    }
    this.#plugins.push(hooks)
    this.#calls = CallHooks.of(this.#plugins, this.#host.events)
    for (const [service, metadata] of services) this.#tell(() => hooks.registered?.(service, metadata))
    // `serve()` has resolved already, so it cannot reject for a plugin that is added later.
    if (this.#host.address !== undefined) void this.#listening(hooks, this.#host.address)
  }

  registering(service: string, metadata: string): void {
    for (const plugin of this.#plugins) decidedNow('registering', plugin.registering?.(service, metadata))
  }

  registered(service: string, metadata: string): void {
    for (const plugin of this.#plugins) this.#tell(() => plugin.registered?.(service, metadata))
  }

  async changed(service: string, metadata: string): Promise<void> {
    await Promise.all(this.#plugins.map(async plugin => plugin.changed?.(service, metadata)))
  }

  async unregistered(service: string): Promise<void> {
    await Promise.all(this.#plugins.map(async plugin => plugin.unregistered?.(service)))
  }

  async listening(address: string, waiting: AbortSignal): Promise<void> {
    await Promise.all(this.#plugins.map(async plugin => plugin.listening?.(address, waiting)))
  }

  async published(): Promise<void> {
    await Promise.all(this.#plugins.map(async plugin => plugin.published?.()))
  }

  /** Closes all plugins, even if one of them fails. Returns whether any plugin has a `closing` hook. */
  async closing(): Promise<boolean> {
    await Promise.all(this.#plugins.map(plugin => this.#close(plugin)))
    return this.#plugins.some(plugin => plugin.closing !== undefined)
  }

  /** @throws what a plugin throws to close the connection */
  connectionOpened(connection: ServerConnection): void {
    try {
      for (const plugin of this.#plugins) {
        decidedNow('connectionOpened', plugin.connectionOpened?.(connection))
      }
    } catch (thrown) {
      if (!isRpcxError(thrown)) this.#failed(thrown)
      throw thrown
    }
  }

  connectionClosed(connection: ServerConnection, error: Error | undefined): void {
    for (const plugin of this.#plugins) this.#tell(() => plugin.connectionClosed?.(connection, error))
  }

  #tell(hook: () => unknown): void {
    try {
      watchRejection(hook(), thrown => this.#failed(thrown))
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  async #listening(plugin: ServerHooks, address: string): Promise<void> {
    try {
      await plugin.listening?.(address, new AbortController().signal)
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  async #close(plugin: ServerHooks): Promise<void> {
    try {
      const closed = Promise.resolve(plugin.closing?.()).then(() => true)
      if ((await within(this.#host.clock, CLOSING_MS, closed)) !== true)
        throw new Error(`closing() took more than ${CLOSING_MS} ms`)
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  #failed(thrown: unknown): void {
    this.#host.events.emit('pluginFailed', { error: toError(thrown, 'plugin') })
  }
}

// Longer than a plugin waits for a registry that is out of reach.
const CLOSING_MS = 10_000
