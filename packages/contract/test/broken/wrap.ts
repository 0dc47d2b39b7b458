import type { Driver, RegistrySession, Replica, StoredEntry } from '@rpcx/core'

/** Returns the same driver, whose sessions have some other methods. */
export function withSession(
  driver: Driver,
  change: (session: RegistrySession) => Partial<RegistrySession>,
): Driver {
  return withOpen(driver, async open => overSession(await open(), change))
}

/** Returns the same driver with another `open`. */
export function withOpen(
  driver: Driver,
  open: (open: () => Promise<RegistrySession>) => Promise<RegistrySession>,
): Driver {
  return {
    name: driver.name,
    traits: driver.traits,
    check: entry => driver.check(entry),
    open: (signal, clock) => open(() => driver.open(signal, clock)),
  }
}

/** Returns the same driver, which reports entries in another way. */
export function withSight(
  driver: Driver,
  change: (stored: StoredEntry | undefined, saw: (stored: StoredEntry | undefined) => void) => void,
): Driver {
  return withSession(driver, session => ({
    watchEntry: (service, address, saw, signal) =>
      session.watchEntry(service, address, stored => change(stored, saw), signal),
  }))
}

/** Returns the same driver, which reports lists in another way. */
export function withReplica(driver: Driver, change: (into: Replica) => Partial<Replica>): Driver {
  return withSession(driver, session => ({
    watchService(service, into, signal) {
      const changed: Replica = {
        replace: all => into.replace(all),
        put: (...entry) => into.put(...entry),
        remove: address => into.remove(address),
        ignore: (...entry) => into.ignore(...entry),
        ...change(into),
      }
      return session.watchService(service, changed, signal)
    },
  }))
}

function overSession(
  session: RegistrySession,
  change: (session: RegistrySession) => Partial<RegistrySession>,
): RegistrySession {
  return {
    ttlMs: session.ttlMs,
    ended: session.ended,
    watchService: (...watch) => session.watchService(...watch),
    watchEntry: (...watch) => session.watchEntry(...watch),
    write: (...write) => session.write(...write),
    remove: (...remove) => session.remove(...remove),
    close: signal => session.close(signal),
    ...change(session),
  }
}
