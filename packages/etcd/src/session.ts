import type { Announcement, Entry, Holder, Replica, Session } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import { EtcdLeaseInvalidError } from 'etcd3'
import { EtcdAnnouncement } from './announcement.ts'
import type { Keys } from './keys.ts'
import { Lease } from './lease.ts'
import { EtcdLink } from './link.ts'
import { ServiceView } from './service-view.ts'
import { prefixRange, watchRanges } from './watch.ts'

/** One lease's worth of life. Those who only follow take none. */
export class EtcdSession implements Session {
  readonly ended: Promise<Error>
  readonly #link: EtcdLink
  readonly #keys: Keys
  readonly #askedTtlMs: number
  readonly #ourLeases: Set<string>
  #lease: Promise<Lease> | undefined
  #granted: Lease | undefined
  #end: (reason: Error) => void = () => {}

  constructor(servers: readonly string[], keys: Keys, ttlMs: number, ourLeases: Set<string>) {
    this.#keys = keys
    this.#askedTtlMs = ttlMs
    this.#ourLeases = ourLeases
    this.#link = new EtcdLink(servers, () => void this.#granted?.keepAlive())
    this.ended = new Promise(resolve => (this.#end = resolve))
  }

  get ttlMs(): number {
    return this.#granted?.ttlMs ?? this.#askedTtlMs
  }

  async follow(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    const view = new ServiceView(this.#keys.prefixes(service), into)
    const ranges = view.prefixes.map(prefixRange)
    const { header, responses } = await this.#link.run(`list ${service}`, client =>
      client.kv.txn({ success: ranges.map(range => ({ request_range: range })) }),
    )
    view.replace(responses.flatMap(response => response.response_range.kvs))
    await this.#link.run(`watch ${service}`, client =>
      watchRanges(client, ranges, header.revision, event => view.change(event), signal),
    )
  }

  async announce(entry: Entry, mode: 'claim' | 'restore', holder: Holder): Promise<Announcement> {
    this.#lease ??= this.#grant()
    const lease = await this.#lease
    const announcement = new EtcdAnnouncement(entry, lease, this.#ourLeases, this.#link, this.#keys, holder)
    try {
      await announcement.put(mode)
    } catch (error) {
      if ((error as Error).cause instanceof EtcdLeaseInvalidError) lease.end()
      throw error
    }
    return announcement
  }

  async close(): Promise<void> {
    await this.#granted?.revoke().finally(() => this.#link.close())
    this.#link.close()
  }

  async #grant(): Promise<Lease> {
    try {
      this.#granted = await Lease.grant(this.#askedTtlMs, this.#link, reason => {
        this.#end(
          new RpcxError('ERR_RPCX_LOST', `etcd: the lease is gone: ${reason.message}`, { cause: reason }),
        )
      })
      this.#ourLeases.add(this.#granted.id)
      return this.#granted
    } catch (error) {
      this.#lease = undefined
      throw error
    }
  }
}
