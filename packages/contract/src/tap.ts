import type { Driver, Replica, Session } from '@rpcx/core'

/** What a law listens to, or stands in between, on a driver. */
export interface Taps {
  followed?(service: string): void
  announced?(mode: 'claim' | 'restore'): void
  /** Stands between the driver and the list that it keeps. */
  into?(replica: Replica): Replica
}

/** The same driver, overheard. */
export function tapped(driver: Driver, taps: Taps): Driver {
  return {
    name: driver.name,
    traits: driver.traits,
    check: entry => driver.check(entry),
    open: async signal => tappedSession(await driver.open(signal), taps),
  }
}

function tappedSession(session: Session, taps: Taps): Session {
  return {
    ttlMs: session.ttlMs,
    ended: session.ended,
    follow(service, into, signal) {
      taps.followed?.(service)
      return session.follow(service, taps.into?.(into) ?? into, signal)
    },
    announce(entry, mode, holder, signal) {
      taps.announced?.(mode)
      return session.announce(entry, mode, holder, signal)
    },
    verify: (service, address) => session.verify?.(service, address),
    close: signal => session.close(signal),
  }
}
