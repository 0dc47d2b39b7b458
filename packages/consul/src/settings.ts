import type { Health, Layout, RegistryHost } from '@rpcx/core'
import type { ConsulDiscoveryOptions, ConsulOptions, ConsulRegisterPluginOptions } from './options.ts'

/** How Consul is reached. */
export interface Access extends Pick<ConsulOptions, 'token' | 'tls'> {
  readonly hosts: readonly RegistryHost[]
}

/** The options of a driver, read and checked, and what its sessions share. */
export interface Settings extends Access {
  readonly layout: Layout
  readonly ttlMs: number
  readonly nodeChecks: boolean
  /** How lists are read, in the library's words. */
  readonly reading: object
  /** Consul sessions that may have been left to their TTL: what they still hold is ours to restore. */
  readonly earlier: Set<string>
}

/** The same for the catalogue. */
export interface CatalogSettings extends Access {
  readonly ttlMs: number
  readonly check: 'ttl' | 'tcp'
  readonly deregisterAfterMs: number
  /** Of the server that registers. */
  readonly health: () => Health
  /** How lists are read, in the library's words. */
  readonly reading: object
  /** Whose servers are followed, the first that has any; `undefined`: the agent's own. */
  readonly datacenters: readonly (string | undefined)[]
  /** What a server must have, all of them. */
  readonly tags: readonly string[]
  /** Where a server must be, when there are any. */
  readonly zones: readonly string[]
  /** Owners that may have been left to their checks: what they registered is ours to restore. */
  readonly earlier: Set<string>
}

/** @throws RangeError */
export function ttlOf({ ttlMs = 10_000 }: Pick<ConsulRegisterPluginOptions, 'ttlMs'>): number {
  // Consul's own upper limit for sessions; their lower one can be set.
  if (ttlMs >= 1_000 && ttlMs <= 86_400_000) return Math.round(ttlMs)
  throw new RangeError(`consul: ttlMs is ${ttlMs}, not a number from 1000 to 86400000`)
}

/** How lists are read, in the library's words. @throws TypeError */
export function readingOf({ consistency = 'default' }: Pick<ConsulDiscoveryOptions, 'consistency'>): object {
  return { [choice('consistency', consistency, ['default', 'consistent', 'stale'])]: true }
}

/** @throws TypeError that names the option and its choices */
export function choice<T extends string>(option: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value
  const known = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
  throw new TypeError(`consul: ${option} is ${JSON.stringify(value)}, not ${known}`)
}
