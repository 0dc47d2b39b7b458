import type { PluginHost, ServerHooks, ServerPlugin } from './plugin.ts'

/** The plugins of one server, and how each hook is run through all of them. */
export class Plugins {
  readonly #host: PluginHost
  readonly #services: () => ReadonlyMap<string, string>
  readonly #plugins: ServerHooks[] = []

  constructor(host: PluginHost, services: () => ReadonlyMap<string, string>) {
    this.#host = host
    this.#services = services
  }

  /** Adds a plugin, before or after services are registered. Throws what the plugin throws to refuse one of them. */
  add(plugin: ServerPlugin): void {
    const hooks = plugin.attach(this.#host)
    const services = this.#services()
    for (const [service, metadata] of services) hooks.registering?.(service, metadata)
    this.#plugins.push(hooks)
    for (const [service, metadata] of services) hooks.registered?.(service, metadata)
    // A server that listens already cannot reject for a plugin that came late.
    if (this.#host.address !== undefined)
      hooks.listening?.(this.#host.address).catch(error => this.#failed(error))
  }

  registering(service: string, metadata: string): void {
    for (const plugin of this.#plugins) plugin.registering?.(service, metadata)
  }

  registered(service: string, metadata: string): void {
    for (const plugin of this.#plugins) plugin.registered?.(service, metadata)
  }

  async changed(service: string, metadata: string): Promise<void> {
    await Promise.all(this.#plugins.map(plugin => plugin.changed?.(service, metadata)))
  }

  async unregistered(service: string): Promise<void> {
    await Promise.all(this.#plugins.map(plugin => plugin.unregistered?.(service)))
  }

  async listening(address: string): Promise<void> {
    await Promise.all(this.#plugins.map(plugin => plugin.listening?.(address)))
  }

  async published(): Promise<void> {
    await Promise.all(this.#plugins.map(plugin => plugin.published?.()))
  }

  /** Whatever a plugin does here, the others are asked and the server closes. */
  async closing(): Promise<void> {
    const close = async (plugin: ServerHooks): Promise<void> => plugin.closing?.()
    await Promise.all(this.#plugins.map(plugin => close(plugin).catch(error => this.#failed(error))))
  }

  #failed(error: Error): void {
    this.#host.events.emit('pluginFailed', { error })
  }
}
