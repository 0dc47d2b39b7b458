import { once } from 'node:events'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Discovery } from '@rpcx/core'
import { CachedDiscovery, MultiDiscovery, RegistryDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../../../tools/testing/src/manual-clock.ts'
import { Feed } from '../../src/discovery/feed.ts'
import type { Followed } from '../../src/discovery/followed-services.ts'
import { FollowedServices } from '../../src/discovery/followed-services.ts'
import type { ServiceWatch } from './scripted-driver.ts'
import { ScriptedDriver } from './scripted-driver.ts'

const IDLE = { idleMs: 20 }

test('a service stays followed when its discovery does not report a status', async () => {
  const clock = new ManualClock()
  const feed = new Feed(clock, 'test')
  let asked = 0
  const followed: Followed = {
    feed,
    get mayStop(): boolean {
      asked++
      throw new Error('boom')
    },
    stop: () => expect.unreachable(),
  }
  const services = new FollowedServices(clock, () => followed)
  feed.publish([])
  await services.list('Slow')
  // It must not be stopped either: `stop` would throw.
  await clock.advance(60_000)
  expect(asked).toBe(1)
  expect(services.get('Slow')).toBe(followed)
})

/** Sends a list to watch number `n`, and resolves to that watch. */
async function answer(
  driver: ScriptedDriver,
  n: number,
  addresses: readonly string[] = [],
): Promise<ServiceWatch> {
  const watch = await driver.watch(n)
  watch.into.replace(addresses.map(address => [address, '']))
  return watch
}

async function over({ signal }: ServiceWatch): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

async function cached(inner: Discovery): Promise<{ discovery: Discovery; file: string }> {
  const file = join(await mkdtemp(join(tmpdir(), 'rpcx-')), 'cache.json')
  return { discovery: new CachedDiscovery(inner, { file }, IDLE), file }
}

describe('a service that is no longer used', () => {
  test('is no longer followed, and is followed again when it is used', async () => {
    const driver = new ScriptedDriver()
    const discovery = new RegistryDiscovery(driver, {}, IDLE)
    const listing = discovery.list('Arith')
    const first = await answer(driver, 0, ['a@1'])
    expect(await listing).toHaveLength(1)
    await over(first)
    expect(discovery.status('Arith').state).toBe('idle')
    const again = discovery.list('Arith')
    await answer(driver, 1, ['a@1', 'b@1'])
    expect(await again).toHaveLength(2)
    await discovery.close()
  })

  test('is followed while a watch runs, and released when the loop ends', async () => {
    const driver = new ScriptedDriver()
    const discovery = new RegistryDiscovery(driver, {}, IDLE)
    const loop = discovery.watch('Watched')[Symbol.asyncIterator]()
    const next = loop.next()
    const watched = await answer(driver, 0)
    await next
    const listing = discovery.list('Listed')
    const listed = await answer(driver, 1)
    await listing
    await over(listed)
    expect(watched.signal.aborted).toBe(false)
    await loop.return?.()
    await over(watched)
    await discovery.close()
  })

  test('is released when watch() was called but never iterated', async () => {
    const driver = new ScriptedDriver()
    const discovery = new RegistryDiscovery(driver, {}, IDLE)
    const lists = discovery.watch('Arith')
    const first = await answer(driver, 0)
    await over(first)
    const next = lists[Symbol.asyncIterator]().next()
    await answer(driver, 1, ['a@1'])
    expect((await next).value).toHaveLength(1)
    await discovery.close()
  })

  test('keeps its last list while it cannot be read again', async () => {
    const driver = new ScriptedDriver()
    const discovery = new RegistryDiscovery(driver, {}, IDLE)
    const listing = discovery.list('Stale')
    const stale = await answer(driver, 0, ['a@1'])
    await listing
    stale.fail(new Error('down'))
    const other = discovery.list('Fresh')
    const watches = [await driver.watch(1), await driver.watch(2)]
    const again = watches.find(({ service }) => service === 'Stale') as ServiceWatch
    const fresh = watches.find(({ service }) => service === 'Fresh') as ServiceWatch
    fresh.into.replace([])
    await other
    await over(fresh)
    expect(again.signal.aborted).toBe(false)
    expect(await discovery.list('Stale')).toHaveLength(1)
    again.into.replace([['a@1', '']])
    await over(again)
    await discovery.close()
  })

  test('is one of 256 at most that stay followed', async () => {
    const driver = new ScriptedDriver()
    const discovery = new RegistryDiscovery(driver, {}, { idleMs: 600_000 })
    for (let n = 0; n < 1_000; n++) {
      const listing = discovery.list(`invented${n}`)
      await answer(driver, n)
      await listing
    }
    expect(driver.watches.filter(({ signal }) => !signal.aborted)).toHaveLength(256)
    expect(driver.watches.at(-1)?.signal.aborted).toBe(false)
    await discovery.close()
  })

  test('leaves nothing behind at a session that does not end', async () => {
    const driver = new ScriptedDriver()
    let reactions = 0
    const method = 'then'
    const open = driver.open.bind(driver)
    driver.open = async () => {
      const session = await open()
      const { ended } = session
      const then = ended.then.bind(ended)
      const counting: typeof then = (...reaction) => {
        reactions++
        return then(...reaction)
      }
      Reflect.set(ended, method, counting)
      return session
    }
    const discovery = new RegistryDiscovery(driver, {}, { idleMs: 600_000 })
    for (let n = 0; n < 300; n++) {
      const listing = discovery.list(`invented${n}`)
      await answer(driver, n)
      await listing
    }
    expect(reactions).toBe(1)
    await discovery.close()
  })
})

describe('a discovery that combines others', () => {
  test.each(['CachedDiscovery', 'MultiDiscovery'])(
    'releases services that are no longer used: %s',
    async name => {
      const driver = new ScriptedDriver()
      const inner = new RegistryDiscovery(driver, {}, IDLE)
      const discovery =
        name === 'MultiDiscovery' ? new MultiDiscovery([inner], {}, IDLE) : (await cached(inner)).discovery
      const listing = discovery.list('Arith')
      const first = await answer(driver, 0, ['tcp@h:1'])
      expect(await listing).toHaveLength(1)
      await over(first)
      const again = discovery.list('Arith')
      await answer(driver, 1, ['tcp@h:1', 'tcp@h:2'])
      expect((await again).length).toBeGreaterThan(0)
      await discovery.close()
    },
  )

  test('writes nothing about invented names into its file', async () => {
    const driver = new ScriptedDriver()
    const { discovery, file } = await cached(new RegistryDiscovery(driver))
    for (const [n, service] of ['invented', 'Arith'].entries()) {
      const listing = discovery.list(service)
      await answer(driver, n, service === 'Arith' ? ['tcp@h:1'] : [])
      await listing
    }
    await discovery.close()
    expect(await readFile(file, 'utf8')).toMatch(/"services":\{"Arith":[^{]*\{[^{}]*\}\}\}\n$/)
  })
})
