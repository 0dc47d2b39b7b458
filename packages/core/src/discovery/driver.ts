import type { Clock } from '../clock.ts'

/** What a registry holds of one server of one service, as it is stored. */
export interface Entry {
  readonly service: string
  /** `network@host:port` */
  readonly address: string
  /** A query string. */
  readonly metadata: string
}

/** What a backend cannot do, or does in its own way: data, so that the laws can read it. */
export interface DriverTraits {
  /** How long a dead server stays listed: its TTL, up to twice that, the TTL of its records, or for ever. */
  readonly crash: 'ttl' | 'twice-ttl' | 'record-ttl' | 'never'
  /** Whether others can change the metadata of our entries. */
  readonly edits: boolean
  /** Whether an entry may exist before its server listens. */
  readonly publishes: 'listening' | 'registered'
  /** Two changes of an entry are told at least so many milliseconds apart, as on a network that must not be flooded. @default at once */
  readonly pacedMs?: number
  /** Whether it finds the real addresses of a server that listens on all interfaces itself. @default false */
  readonly unspecified?: boolean
  /** What its addresses may have before their `@`, unless the option `networks` says so. @default tcp, tcp4, tcp6 */
  readonly networks?: readonly string[]
}

/** What a discovery needs of a backend: one that only finds servers, as DNS, has no more. */
export interface DiscoveryDriver {
  /** In errors and events: `etcd`. */
  readonly name: string
  /** One attempt: connect, authenticate. @param clock where all that the session does gets time and chance from */
  open(signal: AbortSignal, clock: Clock): Promise<DiscoverySession>
}

/**
 * What a backend writes: one protocol, spoken once. It never retries: core opens sessions, repeats, backs off, and owns
 * the order, the parsing, the merging and the desired state.
 */
export interface Driver extends DiscoveryDriver {
  readonly traits: DriverTraits
  /**
   * Without I/O. The address is empty as long as the server does not listen.
   * @throws TypeError or RangeError when this can never be stored: its size, its characters
   */
  check(entry: Entry): void
  /** One attempt: connect, authenticate, get a lease. An error with `fatal` is a mistake in the configuration. */
  open(signal: AbortSignal, clock: Clock): Promise<RegistrySession>
}

/** An entry as a registry holds it at one moment. */
export interface StoredEntry {
  readonly metadata: string
  /** Grows with each write of the entry, also when it was gone in between: a revision, a transaction, an index. */
  readonly version: bigint
  /**
   * Who keeps it there: this session · an earlier one of this driver, which was closed · nobody, so that it would stay for
   * ever · an editor, who is no server, so that it would go with them · another server.
   */
  readonly by: 'us' | 'earlier' | 'nobody' | 'editor' | 'other'
}

/** The part of a session that a discovery uses. */
export interface DiscoverySession {
  /**
   * Resolves with the reason once nothing that was written here is kept any more, before a watch tells that it is gone. A
   * mere disconnect does not end it.
   */
  readonly ended: Promise<Error>
  /** Calls `replace()` first. Rejects when it can no longer vouch for the replica; core calls again. Ends with `signal`. */
  watchService(service: string, into: Replica, signal: AbortSignal): Promise<void>
  /** A call failed there: look whether it still exists. */
  verify?(service: string, address: string): void
  /** Ends what is left here and there. What it could not take out is `earlier` to the driver's next sessions. */
  close(signal: AbortSignal): Promise<void>
}

/**
 * One connection's worth of life: a lease, a ZooKeeper session, a socket. Everything of one owner shares it. It tells facts;
 * what follows from them is core's to decide.
 */
export interface RegistrySession extends DiscoverySession {
  /** As granted, not as asked. 0 when entries do not expire. */
  readonly ttlMs: number
  /**
   * The same for one entry that we write: tells what is there now, then after each change, `undefined` for nothing. Also
   * looks after what the entry needs, such as its directories. Rejects when it can no longer vouch for that; core calls again.
   * Ends with `signal`.
   */
  watchEntry(
    service: string,
    address: string,
    saw: (held: StoredEntry | undefined) => void,
    signal: AbortSignal,
  ): Promise<void>
  /**
   * Writes the entry, as ours, in place of exactly `over`, or of nothing. Resolves to its version, or to `undefined` when
   * something else is there. After a rejection core looks at what is there; it guesses nothing.
   * @param audience `metrics`: need not be noticed by those who follow
   */
  write(
    entry: Entry,
    over: StoredEntry | undefined,
    audience: 'all' | 'metrics',
    signal: AbortSignal,
  ): Promise<bigint | undefined>
  /** Removes the entry if this session keeps it, never a successor's. */
  remove(service: string, address: string, signal: AbortSignal): Promise<void>
}

/** The list of one service, as a driver keeps it in step. Unparseable entries are core's to sort out. */
export interface Replica {
  /** All there is now. */
  replace(all: Iterable<readonly [address: string, metadata: string]>): void
  put(address: string, metadata: string): void
  remove(address: string): void
  /** Something is there that rpcx does not speak to: it is not listed, which an event tells, once. */
  ignore(address: string, error: Error): void
}
