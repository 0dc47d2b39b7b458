import { CachedDiscovery } from '@rpcx/core'
import { expect } from 'vitest'
import { atMost } from '../at-most.ts'
import type { RegistryHarness } from '../harness.ts'
import { View } from '../view.ts'
import { cacheFile } from './cache-file.ts'
import type { Registry } from './registry.ts'
import { SOMEONE } from './registry.ts'

/** A client starts while the registry is down: it uses its cache at once, and the registry once it is up. */
export async function startsFromItsCache<H extends RegistryHarness>(registry: Registry<H>): Promise<void> {
  await using file = await cacheFile()
  await using server = await registry.start()
  await using harness = await registry.harness(server)
  const cached = (): CachedDiscovery =>
    harness.open(new CachedDiscovery(harness.discovery(), { file: file.path }))
  await registry.put(harness, 'Arith', SOMEONE, 'is=old')
  const before = cached()
  expect(await before.list('Arith')).toHaveLength(1)
  await before.close()
  await registry.put(harness, 'Arith', SOMEONE, 'is=new')
  await server.kill()

  const since = performance.now()
  const discovery = cached()
  const view = new View(discovery, 'Arith')
  const { at } = await view.shows({ [SOMEONE]: 'is=old' })
  atMost(100, 'served from the cache', at - since)
  expect(discovery.status('Arith')).toMatchObject({ state: 'stale', source: 'cache' })

  await server.restart()
  const up = performance.now()
  const fresh = await view.shows({ [SOMEONE]: 'is=new' })
  atMost(5_000, `${registry.name} is up, its list is there`, fresh.at - up)
  expect(discovery.status('Arith').state).toBe('fresh')
  expect(view.all).toHaveLength(2)
}
