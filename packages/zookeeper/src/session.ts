import type { Announcement, Entry, Holder, Replica, Session } from '@rpcx/core'
import { ZooKeeperAnnouncement } from './announcement.ts'
import type { ZooKeeperLink } from './link.ts'
import type { Paths } from './paths.ts'
import { followDirectory } from './service-view.ts'

/** One session of ZooKeeper. It outlives its connections, which core has it seek again. */
export class ZooKeeperSession implements Session {
  readonly ttlMs: number
  readonly ended: Promise<Error>
  readonly #link: ZooKeeperLink
  readonly #paths: Paths
  readonly #ourSessions: ReadonlySet<string>

  constructor(link: ZooKeeperLink, paths: Paths, ourSessions: ReadonlySet<string>) {
    this.#link = link
    this.#paths = paths
    this.#ourSessions = ourSessions
    this.ttlMs = link.timeoutMs
    this.ended = link.ended
  }

  async follow(service: string, into: Replica, signal: AbortSignal): Promise<void> {
    const connection = await this.#link.connect()
    await followDirectory(connection, this.#paths.directory(service), into, signal)
  }

  async announce(
    entry: Entry,
    mode: 'claim' | 'restore',
    holder: Holder,
    signal: AbortSignal,
  ): Promise<Announcement> {
    const announcement = new ZooKeeperAnnouncement(entry, this.#link, this.#paths, holder)
    await announcement.put(mode, this.#ourSessions, signal)
    return announcement
  }

  async close(signal: AbortSignal): Promise<void> {
    await this.#link.close(signal)
  }
}
