import type { Layout, RegistryHost } from '@rpcx/core'
import type { ConsulOptions } from './index.ts'

/** The options of a driver, read and checked, and what its sessions share. */
export interface Settings extends Pick<ConsulOptions, 'token' | 'tls'> {
  readonly hosts: readonly RegistryHost[]
  readonly layout: Layout
  readonly ttlMs: number
  readonly nodeChecks: boolean
  /** How lists are read, in the library's words. */
  readonly reading: object
  /** Consul sessions that may have been left to their TTL: what they still hold is ours to restore. */
  readonly earlier: Set<string>
}
