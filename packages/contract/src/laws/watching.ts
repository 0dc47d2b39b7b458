import assert from 'node:assert/strict'
import type { Replica } from '@rpcx/core'
import type { Law } from '../law.ts'
import { law } from '../law.ts'
import { Log } from '../log.ts'
import { tapped } from '../tap.ts'

export const watching: Readonly<Record<string, Law>> = {
  'a change between the first list and the watch is seen': law(
    '`watchService()` of driver.ts: it must subscribe before it reads the list, or from the revision of the list',
    async trial => {
      const service = trial.service()
      const { address, server } = await trial.member().offer(service, 'n=0').start()
      for (const [n, moment] of MOMENTS.entries()) {
        const change = (): void => void server.setMetadata(service, `n=${n + 1}`).catch(() => {})
        let isFirst = true
        const into = (replica: Replica): Replica => ({
          replace(all) {
            replica.replace(all)
            if (isFirst) moment.listed?.(change)
            isFirst = false
          },
          put: (...entry) => replica.put(...entry),
          remove: gone => replica.remove(gone),
          ignore: (...entry) => replica.ignore(...entry),
        })
        const followed = (): void => {
          if (isFirst) moment.followed?.(change)
        }
        const view = trial.view(
          service,
          trial.discovery({}, tapped(trial.bench.driver(), { into, followed })),
        )
        await view.shows({ [address]: `n=${n + 1}` })
      }
    },
  ),

  'a service has one watch at the registry, however many clients watch it': law(
    'what `watchService()` of driver.ts opens at the registry for one service',
    async trial => {
      const service = trial.service()
      const { address, server } = await trial.member().offer(service, 'n=0').start()
      const watches = new Log<string>(trial.signal)
      const driver = tapped(trial.bench.driver(), { followed: name => watches.add(name) })
      const discovery = trial.discovery({}, driver)
      const views = Array.from({ length: 100 }, () => trial.view(service, discovery))
      for (const n of [1, 2, 3]) {
        await server.setMetadata(service, `n=${n}`)
        await Promise.all(views.map(view => view.shows({ [address]: `n=${n}` })))
      }
      assert.deepEqual(watches.all, [service])
    },
  ),

  'many services of one program cause no warning about listeners': law(
    'the signal or emitter of driver.ts to which each service adds a listener: `setMaxListeners(0, …)`',
    async trial => {
      const warnings: string[] = []
      const warned = ({ name, message, stack = message }: Error): void => {
        if (name === 'MaxListenersExceededWarning') warnings.push(stack)
      }
      process.on('warning', warned)
      try {
        const services = Array.from({ length: 25 }, () => trial.service())
        const member = trial.member()
        for (const service of services) member.offer(service)
        const { address, server } = await member.start()
        const discovery = trial.discovery()
        const views = services.map(service => trial.view(service, discovery))
        await Promise.all(views.map(view => view.shows({ [address]: '' })))
        await server.close()
        await Promise.all(views.map(view => view.shows({})))
        await discovery.close()
      } finally {
        process.off('warning', warned)
      }
      assert.deepEqual(warnings, [])
    },
  ),

  'watches report changes only': law(
    '`watchService()` of driver.ts: it calls `into.replace()` once, then `put()` and `remove()`',
    async trial => {
      const service = trial.service()
      const { address, server } = await trial.member().offer(service, 'n=0').start()
      const watches = new Log<string>(trial.signal)
      const driver = tapped(trial.bench.driver(), { followed: name => watches.add(name) })
      const view = trial.view(service, trial.discovery({ resyncMs: 1_000 }, driver))
      await view.shows({ [address]: 'n=0' })
      // When the third reading of the list begins, the second one is complete.
      await watches.until('two more readings of the list', () => true, 2)
      await server.setMetadata(service, 'n=1')
      await view.shows({ [address]: 'n=1' })
      assert.deepEqual(view.since(0), [{ [address]: 'n=0' }, { [address]: 'n=1' }])
    },
  ),

  'a missed change is found when the list is read again': law(
    '`watchService()` of driver.ts: it rejects once it may have missed a change',
    async trial => {
      const service = trial.service()
      const leaving = await trial.member().offer(service, 'is=leaving').start()
      const changing = await trial.member().offer(service, 'n=0').start()
      let watches = 0
      const into = (replica: Replica): Replica => {
        const isDeaf = ++watches === 1
        return isDeaf
          ? { ...replica, replace: all => replica.replace(all), put: () => {}, remove: () => {} }
          : replica
      }
      const driver = tapped(trial.bench.driver(), { into })
      const view = trial.view(service, trial.discovery({ resyncMs: 1_000 }, driver))
      await view.shows({ [leaving.address]: 'is=leaving', [changing.address]: 'n=0' })
      await leaving.server.close()
      await changing.server.setMetadata(service, 'n=1')
      const coming = await trial.member().offer(service, 'is=coming').start()
      await view.shows({ [changing.address]: 'n=1', [coming.address]: 'is=coming' })
      await changing.server.setMetadata(service, 'n=2')
      await view.shows({ [changing.address]: 'n=2', [coming.address]: 'is=coming' })
      for (const entries of view.since(0))
        assert.ok(changing.address in entries, 'a reading emptied the list')
    },
  ),
}

/** The moment of a change, relative to a driver that is about to watch the service. */
interface Moment {
  followed?(change: () => void): void
  listed?(change: () => void): void
}

const MOMENTS: readonly Moment[] = [
  { followed: change => change() },
  { followed: change => setImmediate(change) },
  { followed: change => setTimeout(change, 1) },
  { followed: change => setTimeout(change, 2) },
  { followed: change => setTimeout(change, 5) },
  { listed: change => change() },
  { listed: change => queueMicrotask(change) },
  { listed: change => setImmediate(change) },
  { listed: change => setTimeout(change, 1) },
]
