import type { Clock } from '../clock.ts'

/** The entry of one server of one service, as a registry stores it. */
export interface Entry {
  readonly service: string
  /** The address, `network@host:port`. */
  readonly address: string
  /** The metadata, a query string. */
  readonly metadata: string
}

/** What a backend cannot do, or does in its own way. This is data, so that the laws of `@rpcx/contract` can read it. */
export interface DriverTraits {
  /** How long a dead server stays listed: for its TTL, for up to twice its TTL, for the TTL of its records, or for ever. */
  readonly crash: 'ttl' | 'twice-ttl' | 'record-ttl' | 'never'
  /** Whether other programs can change the metadata of our entries. */
  readonly edits: boolean
  /** Whether an entry may exist before its server listens. */
  readonly publishes: 'listening' | 'registered'
  /**
   * The minimum time between two reported changes of an entry, in milliseconds, for a network that must not be flooded.
   * @default at once
   */
  readonly pacedMs?: number
  /** Whether the backend itself finds the addresses of a server that listens on all interfaces. @default false */
  readonly unspecified?: boolean
  /** The networks that addresses may have, unless the option `networks` says otherwise. @default tcp, tcp4, tcp6 */
  readonly networks?: readonly string[]
}

/** The part of a backend that a discovery needs. A backend that only finds servers, such as DNS, has no other part. */
export interface DiscoveryDriver {
  /** The name of the backend in errors and events, such as `etcd`. */
  readonly name: string
  /** Opens a session in one attempt: connects and authenticates. @param clock source of time and randomness for the session */
  open(signal: AbortSignal, clock: Clock): Promise<DiscoverySession>
}

/**
 * The implementation of one registry protocol, which the author of a backend writes. It never retries. Core opens sessions, retries with
 * back-off, parses, orders and merges entries, and keeps the desired state.
 */
export interface Driver extends DiscoveryDriver {
  readonly traits: DriverTraits
  /**
   * Checks an entry, without I/O. The address is empty until the server listens.
   * @throws TypeError or RangeError when the entry can never be stored, because of its size or its characters
   */
  check(entry: Entry): void
  /**
   * Opens a session in one attempt: connects, authenticates and gets a lease. An error with `fatal` means a mistake in the configuration.
   */
  open(signal: AbortSignal, clock: Clock): Promise<RegistrySession>
}

/** An entry as a registry holds it at one moment. */
export interface StoredEntry {
  readonly metadata: string
  /** Grows with each write of the entry, even if the entry was deleted in between: a revision, a transaction, an index. */
  readonly version: bigint
  /**
   * Who keeps the entry: `us`: this session · `earlier`: a closed session of this driver · `nobody`: no session, so that the entry stays
   * for ever · `editor`: a session of a program that is not a server; the entry ends with that session · `other`: another server
   */
  readonly by: 'us' | 'earlier' | 'nobody' | 'editor' | 'other'
}

/** The part of a session that a discovery uses. */
export interface DiscoverySession {
  /**
   * Resolves with the reason once the registry keeps nothing that this session wrote. It resolves before a watch reports that those entries
   * are gone. A mere disconnect does not end the session.
   */
  readonly ended: Promise<Error>
  /**
   * Keeps `into` up to date with one service, until `signal` aborts. Calls `replace()` first. Rejects when it can no longer guarantee that
   * `into` is correct; core then calls it again.
   */
  watchService(service: string, into: Replica, signal: AbortSignal): Promise<void>
  /** Reports that a call to this server failed, so that the session can check whether the server still exists. */
  verify?(service: string, address: string): void
  /**
   * Releases what the session holds, here and at the registry. An entry that it could not remove is `earlier` for later sessions of the
   * driver.
   */
  close(signal: AbortSignal): Promise<void>
}

/**
 * A lease, a ZooKeeper session or a socket, which all entries of one owner share. It reports facts; core decides what follows from them.
 */
export interface RegistrySession extends DiscoverySession {
  /** The TTL that the registry granted, in milliseconds; it may differ from the requested one. 0 when entries do not expire. */
  readonly ttlMs: number
  /**
   * Watches one entry that we write, until `signal` aborts. Calls `saw` with the stored entry, then again after each change; `undefined`
   * means that there is no entry. Also maintains what the entry needs, such as its directories. Rejects when it can no longer guarantee all
   * that; core then calls it again.
   */
  watchEntry(
    service: string,
    address: string,
    saw: (held: StoredEntry | undefined) => void,
    signal: AbortSignal,
  ): Promise<void>
  /**
   * Writes the entry for this session, if the registry holds exactly `over`, or no entry when `over` is `undefined`. Resolves to the new
   * version, or to `undefined` when the registry holds something else. After a rejection the outcome is unknown, so core reads the entry
   * again.
   * @param audience `metrics`: watchers need not notice this write
   */
  write(
    entry: Entry,
    over: StoredEntry | undefined,
    audience: 'all' | 'metrics',
    signal: AbortSignal,
  ): Promise<bigint | undefined>
  /** Removes the entry if this session keeps it. Never removes the entry of a successor. */
  remove(service: string, address: string, signal: AbortSignal): Promise<void>
}

/** The list of one service, which a driver keeps up to date. The driver passes on malformed entries too, and core filters them. */
export interface Replica {
  /** Replaces the whole list. */
  replace(all: Iterable<readonly [address: string, metadata: string]>): void
  put(address: string, metadata: string): void
  remove(address: string): void
  /** Reports an entry with a protocol that rpcx does not speak. It is not listed, and the event `entryIgnored` reports it once. */
  ignore(address: string, error: Error): void
}
