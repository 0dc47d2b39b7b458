import type { Driver } from '@rpcx/core'

/**
 * What the laws need from a registry: how to create its drivers, and how to inject faults. A law that needs a missing fault reports that it
 * does not apply.
 */
export interface Bench {
  /** Creates a driver, for the same registry and the same base path each time. */
  driver(): Driver
  /** Changes the metadata of an existing entry, as another program does. */
  edit?(service: string, address: string, metadata: string): Promise<void>
  /**
   * Changes the metadata as `edit` does, but through a session that keeps the entry from then on. That session does not belong to a server.
   * Resolves to a function that ends the session.
   */
  adopt?(service: string, address: string, metadata: string): Promise<() => Promise<void>>
  /** Deletes an entry if it exists, as another program does. */
  remove?(service: string, address: string): Promise<void>
  /** Creates an entry that no session keeps. Its address may be malformed, and its service may contain a `/`. */
  put?(service: string, address: string, metadata: string): Promise<void>
  /** Makes the registry unreachable for all drivers. Its data stay; sessions may expire meanwhile. */
  outage?(): Promise<Outage>
  /** Ends the session that keeps this entry, from outside. */
  endSession?(service: string, address: string): Promise<void>
  /**
   * Returns the missing directories that others need to find a service with entries, each in a few words. Go's clients look for them in
   * etcd, ZooKeeper and Consul. Omit this method where a registry has no directories.
   */
  missingDirectories?(service: string): Promise<readonly string[]>
  /** Returns what drivers left in the registry, each in a few words: entries, sessions, leases, watches. */
  leftovers?(): Promise<readonly string[]>
  /** Closes the bench. `registryContract` calls it once, after the law. */
  close?(): Promise<void>
}

/** A period in which the registry is unreachable. */
export interface Outage {
  /** Ends the outage. Resolves when the registry answers again. May be called twice. */
  end(): Promise<void>
}
