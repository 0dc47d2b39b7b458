import type { Driver, Holder, Session } from '@rpcx/core'
import { formatMetadata, parseMetadata } from '@rpcx/core'
import type { MemoryRegistry } from '../memory/registry.ts'
import { withAnnouncement, withOpen, withSession } from './wrap.ts'

/** Makes a driver that is wrong in one way out of an honest one. */
export type Flaw = (driver: Driver, registry: MemoryRegistry) => Driver

/** What can be wrong with those who register. */
export const announcing: Readonly<Record<string, Flaw>> = {
  'forgets to withdraw': driver =>
    withSession(
      withAnnouncement(driver, () => ({ withdraw: async () => {} })),
      () => ({ close: async () => {} }),
    ),

  'withdraws all that it holds': driver =>
    withSession(driver, session => ({
      async announce(...announce) {
        const announcement = await session.announce(...announce)
        return {
          update: (...update) => announcement.update(...update),
          withdraw: signal => session.close(signal),
        }
      },
    })),

  'withdraws later than it says': driver =>
    withAnnouncement(driver, announcement => ({
      withdraw: async signal => void setTimeout(() => void announcement.withdraw(signal), 100),
    })),

  'withdraws what a successor holds': (driver, registry) =>
    withAnnouncement(driver, (_announcement, service, address) => ({
      withdraw: async () => registry.remove(service, address),
    })),

  'takes along what a successor holds when it closes': (driver, registry) =>
    withSession(driver, session => {
      const announced: [service: string, address: string][] = []
      return {
        announce(entry, ...rest) {
          announced.push([entry.service, entry.address])
          return session.announce(entry, ...rest)
        },
        async close(signal) {
          for (const place of announced) registry.remove(...place)
          await session.close(signal)
        },
      }
    }),

  'writes metadata its own way': driver =>
    withSession(driver, session => ({
      announce: ({ metadata, ...entry }, ...rest) =>
        session.announce({ ...entry, metadata: formatMetadata(parseMetadata(metadata).values) }, ...rest),
    })),

  'does not write figures': driver =>
    withAnnouncement(driver, announcement => ({
      update: async (expected, next, audience) =>
        audience === 'metrics' || announcement.update(expected, next, audience),
    })),

  'writes over what others wrote': (driver, registry) =>
    withHolder(
      withAnnouncement(driver, (announcement, service, address) => ({
        update: (_expected, next, audience) =>
          announcement.update(registry.get(service, address)?.metadata ?? '', next, audience),
      })),
      () => ({ changed: () => {} }),
    ),

  'takes its own writes for those of others': driver =>
    withSession(driver, session => ({
      async announce(entry, mode, holder, signal) {
        const announcement = await session.announce(entry, mode, holder, signal)
        return {
          async update(expected, next, audience) {
            const written = await announcement.update(expected, next, audience)
            setImmediate(() => holder.changed(next))
            return written
          },
          withdraw: end => announcement.withdraw(end),
        }
      },
    })),

  'does not notice a loss': driver => withHolder(driver, () => ({ lost: () => {} })),

  'comes back late': driver =>
    withSession(driver, session => ({
      async announce(entry, mode, holder, signal) {
        if (mode === 'restore') await new Promise(resolve => setTimeout(resolve, 3_500))
        return session.announce(entry, mode, holder, signal)
      },
    })),

  'restores over a live stranger': driver =>
    withSession(driver, session => ({
      announce: (entry, _mode, ...rest) => session.announce(entry, 'claim', ...rest),
    })),

  'claims nothing that was there before': driver =>
    withSession(driver, session => ({
      announce: (entry, _mode, ...rest) => session.announce(entry, 'restore', ...rest),
    })),

  'does not notice the end of its session': driver =>
    withSession(driver, () => ({ ended: new Promise(() => {}) })),

  'takes a registry that is down for a mistake': driver =>
    withOpen(driver, async open => {
      try {
        return await open()
      } catch (cause) {
        throw Object.assign(new Error('down', { cause }), { name: 'RpcxError', fatal: true })
      }
    }),

  'says that it is registered when it is not': driver =>
    withOpen(driver, async open => {
      try {
        return await open()
      } catch {
        return pretence
      }
    }),

  'has one session for all': driver => {
    let session: Promise<Session> | undefined
    return withOpen(driver, open => {
      session ??= open()
      return session
    })
  },
}

function withHolder(driver: Driver, change: (holder: Holder) => Partial<Holder>): Driver {
  return withSession(driver, session => ({
    announce(entry, mode, holder, signal) {
      const changed: Holder = {
        changed: metadata => holder.changed(metadata),
        lost: (...loss) => holder.lost(...loss),
        ...change(holder),
      }
      return session.announce(entry, mode, changed, signal)
    },
  }))
}

const pretence: Session = {
  ttlMs: 1_000,
  ended: new Promise(() => {}),
  follow: async (_service, into, signal) => {
    into.replace([])
    await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
  },
  announce: async () => ({ update: async () => true, withdraw: async () => {} }),
  close: async () => {},
}
