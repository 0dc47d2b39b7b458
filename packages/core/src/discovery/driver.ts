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
}

/**
 * What a backend writes: one protocol, spoken once. It never retries: core opens sessions, repeats, backs off, and owns
 * the order, the parsing, the merging and the desired state.
 */
export interface Driver {
  /** In errors and events: `etcd`. */
  readonly name: string
  readonly traits: DriverTraits
  /**
   * Without I/O. The address is empty as long as the server does not listen.
   * @throws TypeError or RangeError when this can never be stored: its size, its characters
   */
  check(entry: Entry): void
  /** One attempt: connect, authenticate, get a lease. An error with `fatal` is a mistake in the configuration. */
  open(signal: AbortSignal): Promise<Session>
}

/** One connection's worth of life: a lease, a ZooKeeper session, a socket. Everything of one owner shares it. */
export interface Session {
  /** As granted, not as asked. 0 when entries do not expire. */
  readonly ttlMs: number
  /** Resolves with the reason once nothing announced here is held any more. A mere disconnect does not end it. */
  readonly ended: Promise<Error>
  /** Calls `replace()` first. Rejects when it can no longer vouch for the replica; core calls again. Ends with `signal`. */
  follow(service: string, into: Replica, signal: AbortSignal): Promise<void>
  /**
   * `claim`, the first time, replaces anyone. `restore`, after a loss, replaces only absence or our own earlier life, and
   * rejects with `ERR_RPCX_CONFLICT` while a stranger holds the address. A driver serves several servers and outlives its
   * sessions, so it remembers which were its own. When `signal` aborts, nothing may be left behind.
   */
  announce(
    entry: Entry,
    mode: 'claim' | 'restore',
    holder: Holder,
    signal: AbortSignal,
  ): Promise<Announcement>
  /** A call failed there: look whether it still exists. */
  verify?(service: string, address: string): void
  close(signal: AbortSignal): Promise<void>
}

/** The list of one service, as a driver keeps it in step. Unparseable entries are core's to sort out. */
export interface Replica {
  /** All there is now. */
  replace(all: Iterable<readonly [address: string, metadata: string]>): void
  put(address: string, metadata: string): void
  remove(address: string): void
}

/** Who hears what becomes of an announcement. */
export interface Holder {
  /** Someone else wrote this; never the echo of our own write. */
  changed(metadata: string): void
  /** Once; the announcement is dead then. */
  lost(why: 'deleted' | 'expired' | 'taken', cause: Error): void
}

/** An entry that this session holds in the registry. */
export interface Announcement {
  /**
   * Looks at the entry as it is now, then tells its holder of every change. Rejects when it can no longer vouch for that;
   * core calls again. Ends with `signal`. Left out where the registry tells holders by itself.
   * @param looking called when it has looked: the registry answers, and no change is missed from now on
   */
  watch?(signal: AbortSignal, looking: () => void): Promise<void>
  /**
   * Compares with `expected` and sets. `false`: something else is there, and `changed` tells what, even if it is an earlier
   * write of our own whose answer was lost. Rejects with `ERR_RPCX_LOST` after
   * `lost`. `metrics`: need not be noticed by those who follow.
   */
  update(expected: string, next: string, audience: 'all' | 'metrics'): Promise<boolean>
  /** Removes only what this session owns, never a successor's. */
  withdraw(signal: AbortSignal): Promise<void>
}
