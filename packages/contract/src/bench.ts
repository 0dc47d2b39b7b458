import type { Driver } from '@rpcx/core'

/**
 * What the laws need of a registry: how to make its drivers, and how to hurt it. A fault that is left out makes the laws that
 * need it not applicable, and they say so.
 */
export interface Bench {
  /** A new driver, over the same registry and the same base path each time. */
  driver(): Driver
  /** Someone else changes the metadata of an entry that is there. */
  edit?(service: string, address: string, metadata: string): Promise<void>
  /** The same by one whose session, which is no server's, keeps the entry from then on. Resolves to what ends that session. */
  adopt?(service: string, address: string, metadata: string): Promise<() => Promise<void>>
  /** Someone else deletes an entry, if it is there. */
  remove?(service: string, address: string): Promise<void>
  /** Someone else makes an entry that no session holds; its address may be malformed, its service may have a `/`. */
  put?(service: string, address: string, metadata: string): Promise<void>
  /** Puts the registry out of reach of all drivers. Its data stay; sessions may expire meanwhile. */
  outage?(): Promise<Outage>
  /** Ends the session that holds this entry, from outside. */
  endSession?(service: string, address: string): Promise<void>
  /**
   * Which directories are missing that others need to find a service which has entries, each in a few words; Go's clients look for them in
   * etcd, ZooKeeper and Consul. Left out where a registry has none.
   */
  missingDirectories?(service: string): Promise<readonly string[]>
  /** What the registry still holds of the drivers' doing, each in a few words: entries, sessions, leases, watches. */
  leftovers?(): Promise<readonly string[]>
  /** Called once by `registryContract`, after the law. */
  close?(): Promise<void>
}

/** A registry that is out of reach. */
export interface Outage {
  /** Resolves when the registry answers again. May be called twice. */
  end(): Promise<void>
}
