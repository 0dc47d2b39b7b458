import type { Driver, Held, Replica, Session } from '@rpcx/core'

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

/** The same driver, that tells of entries in another way. */
export function withSight(
  driver: Driver,
  change: (held: Held | undefined, saw: (held: Held | undefined) => void) => void,
): Driver {
  return withSession(driver, session => ({
    watch: (service, address, saw, signal) =>
      session.watch(service, address, held => change(held, saw), signal),
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
        ignore: (...entry) => into.ignore(...entry),
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
    watch: (...watch) => session.watch(...watch),
    write: (...write) => session.write(...write),
    remove: (...remove) => session.remove(...remove),
    close: signal => session.close(signal),
    ...change(session),
  }
}
