import type { Replica } from '@rpcx/core'
import type { Flaw } from './registering.ts'
import { withOpen, withReplica, withSession } from './wrap.ts'

/** Flaws of drivers in discovery. */
export const watching: Readonly<Record<string, Flaw>> = {
  'shows a2 under a': (driver, registry) =>
    withSession(driver, session => ({
      watchService(service, into, signal) {
        const alike = registry.services.filter(other => other.startsWith(service) && other !== service)
        const more = alike.flatMap(other => registry.list(other))
        const wide = { ...over(into), replace: (all: Listed) => into.replace([...all, ...more]) }
        return session.watchService(service, wide, signal)
      },
    })),

  'lets each service listen to one signal': driver => {
    const { signal: closed } = new AbortController()
    return withSession(driver, session => ({
      watchService(...watch) {
        closed.addEventListener('abort', () => {})
        return session.watchService(...watch)
      },
    }))
  },

  'does not report an empty list': driver =>
    withReplica(driver, into => ({
      replace(all) {
        const entries = [...all]
        if (entries.length > 0) into.replace(entries)
      },
    })),

  'leaves out the last entry of a list': driver =>
    withReplica(driver, into => ({
      replace(all) {
        const entries = [...all]
        into.replace(entries.length > 1 ? entries.slice(0, -1) : entries)
      },
    })),

  'loses a change between list and watch': (driver, registry) =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        await registry.trip()
        into.replace(registry.list(service))
        await registry.trip()
        return session.watchService(service, { ...over(into), replace: () => {} }, signal)
      },
    })),

  'reports entries before it reports the list': (driver, registry) =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        await registry.trip()
        const list = registry.list(service)
        let isListed = false
        const early = {
          ...over(into),
          replace: (all: Listed) => {
            for (const entry of all) into.put(...entry)
            setTimeout(() => into.replace(isListed ? all : list), 10)
            isListed = true
          },
        }
        return session.watchService(service, early, signal)
      },
    })),

  'keeps the old list when it reads a new one': driver => {
    const seen = new WeakSet()
    return withReplica(driver, into => ({
      replace(all) {
        if (!seen.has(driver)) into.replace(all)
        else for (const entry of all) into.put(...entry)
        seen.add(driver)
      },
    }))
  },

  'reports changes in the wrong order': driver =>
    withReplica(driver, into => {
      let late: readonly [string, string] | undefined
      return {
        put(...entry) {
          const before = late
          late = entry
          setImmediate(() => {
            into.put(...entry)
            if (before !== undefined) into.put(...before)
          })
        },
      }
    }),

  'reports a change as a removal first': driver =>
    withReplica(driver, into => ({
      put(...entry) {
        into.remove(entry[0])
        setImmediate(() => into.put(...entry))
      },
    })),

  'fails on a malformed entry': driver =>
    withReplica(driver, into => ({
      replace(all) {
        const entries = [...all]
        if (entries.some(([address]) => /^@|@$/.test(address))) throw new Error('what is this?')
        into.replace(entries)
      },
    })),

  'empties the list in an outage': driver =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        try {
          await session.watchService(service, into, signal)
        } catch (error) {
          into.replace([])
          throw error
        }
      },
    })),

  'does not notice an outage': driver =>
    withSession(driver, session => ({
      watchService: (...watch) => session.watchService(...watch).catch(() => new Promise(() => {})),
    })),

  'watches a service once per session': driver =>
    withSession(driver, session => {
      const followed = new Set<string>()
      return {
        watchService(service, ...rest) {
          if (followed.has(service)) return new Promise(() => {})
          followed.add(service)
          return session.watchService(service, ...rest)
        },
      }
    }),

  'stops watching after its first list': driver =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        const first = new AbortController()
        signal.addEventListener('abort', () => first.abort(), { once: true })
        const once = {
          ...over(into),
          replace(all: Listed) {
            into.replace(all)
            first.abort()
          },
        }
        await session.watchService(service, once, first.signal)
      },
    })),

  'reads the list again and again': (driver, registry) =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        const again = setInterval(() => {
          into.remove('tcp@never:1')
          into.replace([])
          queueMicrotask(() => into.replace(registry.list(service)))
        }, 100).unref()
        await session.watchService(service, into, signal).finally(() => clearInterval(again))
      },
    })),

  'polls once a second': (driver, registry) =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        const first = new AbortController()
        const look = (): void => into.replace(registry.list(service))
        const listed = { ...over(into), replace: look, put: () => {}, remove: () => {} }
        const looking = setInterval(look, 1_000).unref()
        signal.addEventListener('abort', () => first.abort(), { once: true })
        await session.watchService(service, listed, first.signal).finally(() => clearInterval(looking))
      },
    })),

  'reads the list before it subscribes': (driver, registry) =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        const all = registry.list(service)
        await registry.trip()
        await session.watchService(service, { ...over(into), replace: () => into.replace(all) }, signal)
      },
    })),

  'releases no subscription before its session closes': driver =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        const never = new AbortController().signal
        const ended = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
        const untilThen: Replica = {
          replace: all => signal.aborted || into.replace(all),
          put: (...entry) => signal.aborted || into.put(...entry),
          remove: address => signal.aborted || into.remove(address),
          ignore: (...entry) => signal.aborted || into.ignore(...entry),
        }
        const following = session.watchService(service, untilThen, never)
        following.catch(() => {})
        await Promise.race([following, ended])
      },
    })),

  'replaces the list after its signal has aborted': driver =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        signal.addEventListener('abort', () => setImmediate(() => into.replace([])), { once: true })
        await session.watchService(service, into, signal)
      },
    })),

  'leaves its watches behind': driver =>
    withSession(driver, session => ({
      async watchService(service, into, signal) {
        const never = new AbortController().signal
        const ended = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
        await Promise.race([session.watchService(service, into, never), ended])
      },
      close: async () => {},
    })),

  'leaves a timer behind': driver =>
    withOpen(driver, async open => {
      setTimeout(() => {}, 20_000)
      return open()
    }),

  'never finishes closing': driver => withSession(driver, () => ({ close: () => new Promise(() => {}) })),
}

type Listed = Iterable<readonly [address: string, metadata: string]>

function over(into: Replica): Replica {
  return {
    replace: all => into.replace(all),
    put: (...entry) => into.put(...entry),
    remove: address => into.remove(address),
    ignore: (...entry) => into.ignore(...entry),
  }
}
