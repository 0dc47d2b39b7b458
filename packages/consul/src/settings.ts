import type { Health, Layout, RegistryHost } from '@rpcx/core'
import type { ConsulDiscoveryOptions, ConsulOptions, ConsulRegisterPluginOptions } from './options.ts'

/** The agents and how to connect to them. */
export interface Access extends Pick<ConsulOptions, 'token' | 'tls'> {
  readonly hosts: readonly RegistryHost[]
}

/** The checked options of a driver, and the state that its sessions share. */
export interface Settings extends Access {
  readonly layout: Layout
  readonly ttlMs: number
  readonly nodeChecks: boolean
  /** The library's options for reading lists. */
  readonly reading: object
  /** Consul sessions that may live on until their TTL ends. The driver may replace the entries that they still hold. */
  readonly earlier: Set<string>
}

/** The checked options of the catalogue driver, and the state that its sessions share. */
export interface CatalogSettings extends Access {
  readonly ttlMs: number
  readonly check: 'ttl' | 'tcp'
  readonly deregisterAfterMs: number
  /** Returns the health of the server that registers. */
  readonly health: () => Health
  /** The library's options for reading lists. */
  readonly reading: object
  /** The datacenters in order of preference; `undefined` is the agent's own. */
  readonly datacenters: readonly (string | undefined)[]
  /** The tags that a server must have, all of them. */
  readonly tags: readonly string[]
  /** The zones that a server may be in; empty for any. */
  readonly zones: readonly string[]
  /** Owners whose registrations may remain until their checks fail. The driver may replace these registrations. */
  readonly earlier: Set<string>
}

/** Returns the TTL in milliseconds. @throws RangeError */
export function ttlOf({ ttlMs = 10_000 }: Pick<ConsulRegisterPluginOptions, 'ttlMs'>): number {
  // The upper limit is Consul's own for sessions. Its lower limit is configurable.
  if (ttlMs >= 1_000 && ttlMs <= 86_400_000) return Math.round(ttlMs)
  throw new RangeError(`consul: ttlMs is ${ttlMs}, not a number from 1000 to 86400000`)
}

/** Returns the library's options for reading lists. @throws TypeError */
export function readingOf({ consistency = 'default' }: Pick<ConsulDiscoveryOptions, 'consistency'>): object {
  return { [choice('consistency', consistency, ['default', 'consistent', 'stale'])]: true }
}

/** Returns the value if it is one of the choices. @throws TypeError that names the option and its choices */
export function choice<T extends string>(option: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value
  const known = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
  throw new TypeError(`consul: ${option} is ${JSON.stringify(value)}, not ${known}`)
}
