import type { Driver, RegistrySession, StoredEntry } from '@rpcx/core'
import { formatMetadata, parseMetadata } from '@rpcx/core'
import type { MemoryRegistry } from '../memory/registry.ts'
import { withOpen, withSession, withSight } from './wrap.ts'

/** Returns a driver with one flaw, made from a correct one. */
export type Flaw = (driver: Driver, registry: MemoryRegistry) => Driver

/** Flaws of drivers in registration. */
export const registering: Readonly<Record<string, Flaw>> = {
  'never renews its session': (driver, registry) =>
    withOpen(driver, async open => {
      const before = new Set(registry.leases)
      const session = await open()
      for (const lease of registry.leases) if (!before.has(lease)) lease.keepAlive = () => {}
      return session
    }),

  'creates no directories': (driver, registry) =>
    withSession(driver, session => ({
      async watchEntry(service, ...rest) {
        const watching = session.watchEntry(service, ...rest)
        registry.directories.delete(service)
        await watching
      },
    })),

  'forgets to withdraw': driver =>
    withSession(driver, () => ({ remove: async () => {}, close: async () => {} })),

  'withdraws all entries of its session': driver =>
    withSession(driver, session => ({ remove: (_service, _address, signal) => session.close(signal) })),

  'withdraws after it says that it has': driver =>
    withSession(driver, session => ({
      remove: async (...place) => void setTimeout(() => void session.remove(...place), 100),
    })),

  'withdraws the entry of a successor': (driver, registry) =>
    withSession(driver, () => ({ remove: async (service, address) => registry.remove(service, address) })),

  'withdraws the entry of a successor when it closes': (driver, registry) =>
    withSession(driver, session => {
      const written: [service: string, address: string][] = []
      return {
        write(entry, ...rest) {
          written.push([entry.service, entry.address])
          return session.write(entry, ...rest)
        },
        async close(signal) {
          for (const place of written) registry.remove(...place)
          await session.close(signal)
        },
      }
    }),

  'rewrites metadata in its own format': driver =>
    withSession(driver, session => ({
      write: ({ metadata, ...entry }, ...rest) =>
        session.write({ ...entry, metadata: formatMetadata(parseMetadata(metadata).values) }, ...rest),
    })),

  'does not write metrics': driver =>
    withSession(driver, session => ({
      write: async (entry, over, audience, signal) =>
        audience === 'metrics' ? over?.version : session.write(entry, over, audience, signal),
    })),

  'overwrites the changes of others': (driver, registry) =>
    withSight(
      withSession(driver, session => ({
        write({ service, address, metadata }, _over, ...rest) {
          const found = registry.get(service, address)
          const there: StoredEntry | undefined = found && { ...found, by: 'us' }
          return session.write({ service, address, metadata }, there, ...rest)
        },
      })),
      onlyFirst,
    ),

  'keeps the version when it writes': driver =>
    withSession(driver, session => ({
      async write(entry, over, ...rest) {
        const version = await session.write(entry, over, ...rest)
        return version && (over?.version ?? version)
      },
    })),

  'repeats its first write after each later one': (driver, registry) =>
    withSession(driver, session => {
      let first: string | undefined
      return {
        async write(entry, ...rest) {
          const { service, address, metadata } = entry
          const version = await session.write(entry, ...rest)
          first ??= metadata
          const again = first
          setImmediate(() => {
            const found = registry.get(service, address)
            if (found !== undefined && again !== metadata) registry.put(service, address, again, found.lease)
          })
          return version
        },
      }
    }),

  'treats every entry as its own': driver =>
    withSight(driver, (stored, saw) => saw(stored && { ...stored, by: 'us' })),

  'does not recognise its earlier sessions': driver =>
    withSight(driver, (stored, saw) => saw(stored?.by === 'earlier' ? { ...stored, by: 'other' } : stored)),

  'does not notice the loss of an entry': driver => withSight(driver, onlyFirst),

  'registers a lost entry late': driver =>
    withSession(driver, session => {
      const written = new Set<string>()
      return {
        async write(entry, over, ...rest) {
          const isBack = written.has(entry.service) && over === undefined
          written.add(entry.service)
          if (isBack) await new Promise(resolve => setTimeout(resolve, 3_500))
          return session.write(entry, over, ...rest)
        },
      }
    }),

  'treats the entry of a live server as one of its earlier sessions': driver =>
    withSight(driver, (stored, saw) => saw(stored?.by === 'other' ? { ...stored, by: 'earlier' } : stored)),

  'gives way to editors': driver =>
    withSight(driver, (stored, saw) => saw(stored?.by === 'editor' ? { ...stored, by: 'other' } : stored)),

  'never replaces an existing entry': driver =>
    withSession(driver, session => ({
      write: async (entry, over, ...rest) =>
        over?.by === 'other' ? undefined : session.write(entry, over, ...rest),
    })),

  'does not notice the end of its session': driver =>
    withSession(driver, () => ({ ended: new Promise(() => {}) })),

  'treats a registry that is down as misuse': driver =>
    withOpen(driver, async open => {
      try {
        return await open()
      } catch (cause) {
        throw Object.assign(new Error('down', { cause }), { name: 'RpcxError', fatal: true })
      }
    }),

  'reports a registration that did not happen': driver =>
    withOpen(driver, async open => {
      try {
        return await open()
      } catch {
        return pretence
      }
    }),

  'has one session for all servers': driver => {
    let session: Promise<RegistrySession> | undefined
    return withOpen(driver, open => {
      session ??= open()
      return session
    })
  },
}

/** Reports the entry when the watch begins, and never again. */
function onlyFirst(stored: StoredEntry | undefined, saw: (stored: StoredEntry | undefined) => void): void {
  if (heard.has(saw)) return
  heard.add(saw)
  saw(stored)
}

const heard = new WeakSet<object>()

const pretence: RegistrySession = {
  ttlMs: 1_000,
  ended: new Promise(() => {}),
  async watchService(_service, into, signal) {
    into.replace([])
    await aborted(signal)
  },
  async watchEntry(_service, _address, saw, signal) {
    saw(undefined)
    await aborted(signal)
  },
  write: async () => 1n,
  remove: async () => {},
  close: async () => {},
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
