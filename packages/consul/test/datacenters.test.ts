import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { eventsOfDiscovery } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CatalogClient } from './catalog-client.ts'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('consul'))('With two datacenters', () => {
  let near: Server
  let far: Server
  beforeAll(async () => {
    near = await startConsul({ datacenter: 'dc1' })
    far = await startConsul({ datacenter: 'dc2', joinWan: near })
  }, 60_000)
  afterAll(() => Promise.all([near.stop(), far.stop()]))

  test('the second one is used while the first has no healthy server', async () => {
    await using one = new Harness(near)
    await using two = new Harness(far)
    const there = await two.published('Arith', { catalog: true, metadata: 'dc=2' })
    const discovery = one.catalog({ datacenters: ['dc1', 'dc2'] })
    const events = eventsOfDiscovery(discovery)
    const view = one.view('Arith', discovery)
    await view.shows({ [there.address]: 'dc=2' })

    const here = await one.published('Arith', { catalog: true, metadata: 'dc=1' })
    await view.shows({ [here.address]: 'dc=1' })
    await here.server.close()
    await view.shows({ [there.address]: 'dc=2' })

    // Health counts, not presence.
    const catalog = new CatalogClient(one.raw)
    const Check = { TTL: '1h', Status: 'critical' }
    await catalog.register({ ID: 'Arith', Name: 'Arith', Address: '127.0.0.1', Port: 7001, Check })
    const marker = await two.published('Arith', { catalog: true, metadata: 'dc=3' })
    await view.shows({ [there.address]: 'dc=2', [marker.address]: 'dc=3' })
    await catalog.setCheck('Arith', 'pass')
    await view.shows({ 'tcp@127.0.0.1:7001': '' })
    await catalog.setCheck('Arith', 'fail')
    await view.shows({ [there.address]: 'dc=2', [marker.address]: 'dc=3' })

    for (const list of view.all) expect(Object.keys(list).length).toBeGreaterThan(0)
    expect(events.all.filter(({ event }) => event === 'registryDown')).toEqual([])
    await catalog.deregister('Arith')
  })

  test('only the named one is watched', async () => {
    await using one = new Harness(near)
    await using two = new Harness(far)
    const { address } = await two.published('Echo', { catalog: true })
    const own = one.view('Echo', one.catalog())
    await one.view('Echo', one.catalog({ datacenters: ['dc2'] })).shows({ [address]: '' })
    await own.shows({})
    expect(own.all).toEqual([{}])
  })

  test('one that cannot be reached is skipped; if it is the only one, an error is reported', async () => {
    await using harness = new Harness(near)
    const { address } = await harness.published('Void', { catalog: true })
    const discovery = harness.catalog({ datacenters: ['nowhere', 'dc1'] })
    await harness.view('Void', discovery).shows({ [address]: '' })
    expect(discovery.status('Void').state).toBe('fresh')
    for (const datacenters of [['nowhere'], ['nowhere', 'no-more']]) {
      await expect(harness.catalog({ datacenters }).list('Void', { timeoutMs: 1_000 })).rejects.toMatchObject(
        {
          code: 'ERR_RPCX_REGISTRY',
          cause: { message: expect.stringContaining('No path to datacenter') },
        },
      )
    }
  })
})
