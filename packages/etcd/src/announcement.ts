import type { Announcement, Entry, Holder } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import type { ICompare, IEvent, IKeyValue, IRequestOp } from 'etcd3'
import type { Keys } from './keys.ts'
import type { Lease } from './lease.ts'
import type { EtcdClient, EtcdLink } from './link.ts'
import { keyRange, watchRanges } from './watch.ts'

/** One key that our lease holds, and the keys of its directories. */
export class EtcdAnnouncement implements Announcement {
  readonly #entry: Entry
  readonly #lease: Lease
  readonly #ourLeases: ReadonlySet<string>
  readonly #link: EtcdLink
  readonly #holder: Holder
  readonly #key: string
  /** Each with its value, as Go writes them. */
  readonly #directories: ReadonlyMap<string, string>
  /** The value that etcd holds, as far as we know, and the revision at which it was written. */
  #value: string
  #revision = '0'
  /** What we are writing right now: its echo may come before the answer. */
  #writing: string | undefined
  #isOver = false

  constructor(
    entry: Entry,
    lease: Lease,
    ourLeases: ReadonlySet<string>,
    link: EtcdLink,
    keys: Keys,
    holder: Holder,
  ) {
    this.#entry = entry
    this.#lease = lease
    this.#ourLeases = ourLeases
    this.#link = link
    this.#holder = holder
    this.#key = keys.leaf(entry.service, entry.address)
    this.#directories = new Map([
      [keys.base, 'rpcx_path'],
      [keys.directory(entry.service), entry.service],
    ])
    this.#value = entry.metadata
  }

  /** Writes the entry for the first time. @throws `ERR_RPCX_CONFLICT` when it is not ours to restore */
  async put(mode: 'claim' | 'restore'): Promise<void> {
    await this.#link.run(`announce ${this.#entry.service}`, async client => {
      await this.#makeDirectories(client)
      const { metadata } = this.#entry
      if (mode === 'claim') {
        const { header } = await client.kv.txn({ success: [this.#put(metadata)] })
        this.#revision = header.revision
        return
      }
      const { kvs } = await client.kv.range(keyRange(this.#key))
      const found = kvs[0]
      if (found !== undefined && !this.#ourLeases.has(found.lease)) throw this.#conflict()
      const unchanged: ICompare = this.#compare('Mod', { mod_revision: found?.mod_revision ?? '0' })
      const { succeeded, header } = await client.kv.txn({
        compare: [unchanged],
        success: [this.#put(metadata)],
      })
      if (!succeeded) throw this.#conflict()
      this.#revision = header.revision
    })
  }

  async watch(signal: AbortSignal, looking: () => void): Promise<void> {
    const revision = await this.#link.run(`look at ${this.#key}`, async client => {
      const { kvs, header } = await client.kv.range(keyRange(this.#key))
      await this.#makeDirectories(client)
      await this.#found(client, kvs[0])
      return header.revision
    })
    looking()
    const ranges = [this.#key, ...this.#directories.keys()].map(keyRange)
    const failed = new AbortController()
    // One after the other: answering one change takes a call of its own.
    let last = Promise.resolve()
    await this.#link.run(`watch ${this.#key}`, async client => {
      const changed = ({ type, kv }: IEvent): void => {
        const isOurs = kv.key.toString() === this.#key
        if (!isOurs && type === 'Put') return
        last = last
          .then(() =>
            isOurs ? this.#found(client, type === 'Put' ? kv : undefined) : this.#makeDirectories(client),
          )
          .catch(error => failed.abort(error))
      }
      await watchRanges(client, ranges, revision, changed, AbortSignal.any([signal, failed.signal]))
      failed.signal.throwIfAborted()
    })
  }

  async update(expected: string, next: string): Promise<boolean> {
    if (this.#isOver) throw new RpcxError('ERR_RPCX_LOST', `etcd: ${this.#key} is no longer held`)
    if (this.#value !== expected) return false
    this.#writing = next
    try {
      return await this.#link.run(`update ${this.#entry.service}`, client => this.#replace(client, next))
    } finally {
      this.#writing = undefined
    }
  }

  async withdraw(): Promise<void> {
    this.#isOver = true
    await this.#link.run(`withdraw ${this.#entry.service}`, client => {
      const isOurs = this.#compare('Lease', { lease: this.#lease.id })
      return client.kv.txn({ compare: [isOurs], success: [{ request_delete_range: keyRange(this.#key) }] })
    })
  }

  /** What is in etcd under our key now. */
  async #found(client: EtcdClient, found: IKeyValue | undefined): Promise<void> {
    if (this.#isOver) return
    if (found === undefined) {
      await this.#lease.keepAlive()
      this.#lose('deleted', `someone deleted ${this.#key}`)
      return
    }
    if (BigInt(found.mod_revision) <= BigInt(this.#revision)) return
    if (found.lease !== this.#lease.id && found.lease !== '0') {
      this.#lose('taken', `another server holds ${this.#key}`)
      return
    }
    const value = found.value.toString()
    const isEcho = found.lease !== '0' && value === (this.#writing ?? this.#value)
    this.#revision = found.mod_revision
    this.#value = value
    if (isEcho) return
    // Written without a lease, the entry would outlive us.
    if (found.lease === '0') await this.#replace(client, value)
    this.#holder.changed(value)
  }

  /** Compare and set. */
  async #replace(client: EtcdClient, value: string): Promise<boolean> {
    const unchanged = this.#compare('Mod', { mod_revision: this.#revision })
    const { succeeded, header } = await client.kv.txn({ compare: [unchanged], success: [this.#put(value)] })
    // What others wrote since may have been told before this answer.
    if (succeeded && BigInt(header.revision) > BigInt(this.#revision)) {
      this.#revision = header.revision
      this.#value = value
    }
    return succeeded
  }

  /** Without a lease, so that they outlive every server: Go's clients need them to start while no server is up. */
  async #makeDirectories(client: EtcdClient): Promise<void> {
    for (const [key, value] of this.#directories) {
      const isAbsent: ICompare = {
        key: Buffer.from(key),
        target: 'Create',
        result: 'Equal',
        create_revision: '0',
      }
      const put: IRequestOp = { request_put: { key: Buffer.from(key), value: Buffer.from(value) } }
      await client.kv.txn({ compare: [isAbsent], success: [put] })
    }
  }

  #lose(why: 'deleted' | 'taken', text: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#holder.lost(why, new RpcxError('ERR_RPCX_LOST', `etcd: ${text}`))
  }

  #conflict(): RpcxError {
    return new RpcxError('ERR_RPCX_CONFLICT', `etcd: another server holds ${this.#key}`)
  }

  #compare(target: 'Mod' | 'Lease', value: Partial<ICompare>): ICompare {
    return { key: Buffer.from(this.#key), target, result: 'Equal', ...value }
  }

  #put(value: string): IRequestOp {
    return { request_put: { key: Buffer.from(this.#key), value: Buffer.from(value), lease: this.#lease.id } }
  }
}
