import type { Announcement, Driver, Replica, Session } from '@rpcx/core'

/** The same driver, with sessions that do some things in another way. */
export function withSession(driver: Driver, change: (session: Session) => Partial<Session>): Driver {
  return withOpen(driver, async open => overSession(await open(), change))
}

/** The same driver, with another way to open. */
export function withOpen(driver: Driver, open: (open: () => Promise<Session>) => Promise<Session>): Driver {
  return {
    name: driver.name,
    traits: driver.traits,
    check: entry => driver.check(entry),
    open: signal => open(() => driver.open(signal)),
  }
}

/** The same driver, with announcements that do some things in another way. */
export function withAnnouncement(
  driver: Driver,
  change: (announcement: Announcement, service: string, address: string) => Partial<Announcement>,
): Driver {
  return withSession(driver, session => ({
    async announce(entry, mode, holder, signal) {
      const announcement = await session.announce(entry, mode, holder, signal)
      return {
        update: (...update) => announcement.update(...update),
        withdraw: end => announcement.withdraw(end),
        ...change(announcement, entry.service, entry.address),
      }
    },
  }))
}

/** The same driver, that keeps its lists in another way. */
export function withReplica(driver: Driver, change: (into: Replica) => Partial<Replica>): Driver {
  return withSession(driver, session => ({
    follow(service, into, signal) {
      const changed: Replica = {
        replace: all => into.replace(all),
        put: (...entry) => into.put(...entry),
        remove: address => into.remove(address),
        ...change(into),
      }
      return session.follow(service, changed, signal)
    },
  }))
}

function overSession(session: Session, change: (session: Session) => Partial<Session>): Session {
  return {
    ttlMs: session.ttlMs,
    ended: session.ended,
    follow: (...follow) => session.follow(...follow),
    announce: (...announce) => session.announce(...announce),
    close: signal => session.close(signal),
    ...change(session),
  }
}
