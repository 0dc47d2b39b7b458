import { setImmediate as turn } from 'node:timers/promises'
import type { Clock, Entry, Layout, RegistrySession, Replica, StoredEntry } from '@rpcx/core'
import { merge } from '@rpcx/core'
import type { ICompare, IEvent, IKeyValue } from 'etcd3'
import { EtcdLeaseInvalidError } from 'etcd3'
import type { Access } from './access.ts'
import { rangesIn, revisionOf } from './answers.ts'
import type { EtcdClient } from './client.ts'
import { EtcdConnection } from './connection.ts'
import { Lease } from './lease.ts'
import { isServersLease } from './lease-id.ts'
import type { EntryAndDirectories } from './read-entry.ts'
import { readEntry } from './read-entry.ts'
import { keyRange, prefixRange, watchRanges } from './watch.ts'
import { isAt, makeDirectories, put } from './writes.ts'

/** A registry session that lives as long as one lease. A session that only discovers services takes no lease. */
export class EtcdSession implements RegistrySession {
  readonly ended: Promise<Error>
  readonly #connection: EtcdConnection
  readonly #layout: Layout
  readonly #lease: Lease
  /** The leases of closed sessions of the driver. */
  readonly #earlier: Set<string>

  constructor(clock: Clock, access: Access, layout: Layout, ttlMs: number, earlier: Set<string>) {
    this.#layout = layout
    this.#earlier = earlier
    this.#connection = new EtcdConnection(clock, access, () => void this.#lease.keepAlive())
    this.#lease = new Lease(clock, ttlMs, this.#connection)
    this.ended = this.#lease.lost
  }

  get ttlMs(): number {
    return this.#lease.ttlMs
  }

  async watchService(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    const prefixes = this.#layout.prefixes(service)
    const ranges = prefixes.map(prefixRange)
    const { revision, found } = await this.#connection.run(`list ${prefixes.join(' and ')}`, async client => {
      const answer = await client.kv.txn({ success: ranges.map(range => ({ request_range: range })) })
      return { revision: revisionOf(answer), found: rangesIn(answer, ranges.length) }
    })
    const lists = merge(into, prefixes.length)
    for (const [i, list] of lists.entries()) {
      const entries = await read(found[i] ?? [], prefixes[i] as string)
      if (signal.aborted) return
      list.replace(entries)
    }
    const changed = ({ type, kv }: IEvent): void => {
      const key = kv.key.toString()
      const i = prefixes.findIndex(prefix => key.startsWith(prefix))
      const address = key.slice(prefixes[i]?.length)
      if (type === 'Put') lists[i]?.put(address, kv.value.toString())
      else lists[i]?.remove(address)
    }
    await this.#connection.run(`watch ${service}`, client =>
      watchRanges(client, ranges, revision, changed, signal),
    )
  }

  async watchEntry(
    service: string,
    address: string,
    saw: (held: StoredEntry | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const key = this.#layout.leaf(service, address)
    const directories = this.#layout.directories(service)
    const ranges = [key, ...directories.map(([path]) => path)].map(keyRange)
    const { revision, kv, found } = await this.#connection.run(`look at ${key}`, client =>
      readEntry(client, ranges),
    )
    // The key may be missing because the lease expired. The keep-alive finds out.
    if (kv === undefined) await this.#lease.keepAlive()
    // Create the directories before `saw`, because core writes the entry after it. Create only missing ones: a full etcd rejects writes.
    const missing = directories.filter((_, i) => found[i] === undefined)
    const made = missing.length > 0 ? this.#make(service, missing) : Promise.resolve()
    await made.catch(() => {})
    saw(this.#held(kv, found))
    await made
    await this.#connection.run(`watch ${key}`, client => {
      const changed = ({ type, kv }: IEvent): Promise<void> | void => {
        const isGone = type === 'Delete'
        if (kv.key.toString() !== key) return isGone ? makeDirectories(client, directories) : undefined
        if (isGone) return saw(undefined)
        const held = this.#held(kv, [])
        if (held?.by !== 'editor') return saw(held)
        // One watch covers several keys, and their changes arrive in no particular order.
        return readEntry(client, ranges).then(({ kv, found }) => saw(this.#held(kv, found)))
      }
      return watchRanges(client, ranges, revision, changed, signal)
    })
  }

  async write(
    { service, address, metadata }: Entry,
    over: StoredEntry | undefined,
  ): Promise<bigint | undefined> {
    const key = this.#layout.leaf(service, address)
    const lease = await this.#lease.granted()
    try {
      return await this.#connection.run(`write ${key}`, async client => {
        const compare = [isAt(key, over?.version)]
        const done = await client.kv.txn({ compare, success: [put(key, metadata, lease)] })
        return done.succeeded ? BigInt(revisionOf(done)) : undefined
      })
    } catch (error) {
      if ((error as Error).cause instanceof EtcdLeaseInvalidError) this.#lease.end()
      throw error
    }
  }

  async remove(service: string, address: string): Promise<void> {
    const key = this.#layout.leaf(service, address)
    const lease = this.#lease.id
    if (lease === undefined) return
    const isOurs: ICompare = { key: Buffer.from(key), target: 'Lease', result: 'Equal', lease }
    await this.#connection.run(`remove ${key}`, client =>
      client.kv.txn({ compare: [isOurs], success: [{ request_delete_range: keyRange(key) }] }),
    )
  }

  async close(): Promise<void> {
    if (this.#lease.id !== undefined) this.#earlier.add(this.#lease.id)
    await this.#lease.revoke().finally(() => this.#connection.close())
  }

  #make(service: string, directories: ReturnType<Layout['directories']>): Promise<void> {
    const operation = (client: EtcdClient): Promise<void> => makeDirectories(client, directories)
    return this.#connection.run(`make the directories of ${service}`, operation)
  }

  /** @param directories the directories of the entry at the same revision */
  #held(kv: IKeyValue | undefined, directories: EntryAndDirectories['found']): StoredEntry | undefined {
    if (kv === undefined) return undefined
    const { value, mod_revision, lease } = kv
    return { metadata: value.toString(), version: BigInt(mod_revision), by: this.#keeper(lease, directories) }
  }

  #keeper(lease: string, directories: EntryAndDirectories['found']): StoredEntry['by'] {
    if (lease === '0') return 'nobody'
    if (lease === this.#lease.id) return 'us'
    if (this.#earlier.has(lease)) return 'earlier'
    if (isServersLease(lease)) return 'other'
    // A Go server writes the directories under its lease too. A tool that edits entries writes only the entry.
    return directories.some(directory => directory?.lease === lease) ? 'other' : 'editor'
  }
}

/** Returns the entries below a prefix by address. Yields to the event loop while it reads a large list. */
async function read(kvs: readonly IKeyValue[], prefix: string): Promise<Map<string, string>> {
  const entries = new Map<string, string>()
  for (const { key, value } of kvs) {
    entries.set(key.toString().slice(prefix.length), value.toString())
    if (entries.size % PIECE === 0) await turn()
  }
  return entries
}

// The number of entries that take a few milliseconds to read.
const PIECE = 2_000
