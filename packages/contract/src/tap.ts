import type { Driver, Held, Replica, Session } from '@rpcx/core'

/** What a law listens to, or stands in between, on a driver. */
export interface Taps {
  followed?(service: string): void
  /** What a watch of an entry told, before core hears of it. */
  saw?(held: Held | undefined): void
  wrote?(over: Held | undefined): void
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
    watch(service, address, saw, signal) {
      const overheard = (held: Held | undefined): void => {
        taps.saw?.(held)
        saw(held)
      }
      return session.watch(service, address, overheard, signal)
    },
    write(entry, over, ...rest) {
      taps.wrote?.(over)
      return session.write(entry, over, ...rest)
    },
    remove: (...remove) => session.remove(...remove),
    verify: (service, address) => session.verify?.(service, address),
    close: signal => session.close(signal),
  }
}
