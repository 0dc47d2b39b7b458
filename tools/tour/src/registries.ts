import type { Discovery, ServerPlugin } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'

/** What a server process needs to know of the registry. */
export interface RegistrySettings {
  readonly name: string
}

/** The registry of a tour, ready to be used. */
export interface TourRegistry extends AsyncDisposable {
  readonly title: string
  readonly settings: RegistrySettings
  /** @param servers their addresses, for those who have no registry to ask */
  discovery(servers: readonly string[]): Discovery
}

export const registryNames: readonly string[] = ['multiple-servers']

export async function openRegistry(name: string): Promise<TourRegistry> {
  return {
    title: 'no registry: the client knows three servers (MultipleServers)',
    settings: { name },
    discovery: servers => new MultipleServersDiscovery(servers.map(key => ({ key }))),
    async [Symbol.asyncDispose]() {},
  }
}

export function registerPlugin(_settings: RegistrySettings): ServerPlugin | undefined {
  return undefined
}
