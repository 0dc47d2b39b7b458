import type { Driver, RegistrySession, Replica, StoredEntry } from '@rpcx/core'

/** What a law observes or changes between core and a driver. */
export interface Taps {
  followed?(service: string): void
  /** Gets each report of an entry watch before core gets it. */
  saw?(stored: StoredEntry | undefined): void
  wrote?(over: StoredEntry | undefined): void
  /** Returns the list that the driver updates instead of `replica`. */
  into?(replica: Replica): Replica
}

/** Returns a driver that works as `driver` does and calls `taps`. */
export function tapped(driver: Driver, taps: Taps): Driver {
  return {
    name: driver.name,
    traits: driver.traits,
    check: entry => driver.check(entry),
    open: async (signal, clock) => tappedSession(await driver.open(signal, clock), taps),
  }
}

function tappedSession(session: RegistrySession, taps: Taps): RegistrySession {
  return {
    ttlMs: session.ttlMs,
    ended: session.ended,
    watchService(service, into, signal) {
      taps.followed?.(service)
      return session.watchService(service, taps.into?.(into) ?? into, signal)
    },
    watchEntry(service, address, saw, signal) {
      const overheard = (stored: StoredEntry | undefined): void => {
        taps.saw?.(stored)
        saw(stored)
      }
      return session.watchEntry(service, address, overheard, signal)
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
