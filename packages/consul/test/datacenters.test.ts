import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { heardOfDiscovery } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CatalogHand } from './catalog-hand.ts'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('consul'))('With two datacenters', () => {
  let near: Server
  let far: Server
  beforeAll(async () => {
    near = await startConsul({ datacenter: 'dc1' })
    far = await startConsul({ datacenter: 'dc2', joinWan: near })
  }, 60_000)
  afterAll(() => Promise.all([near.stop(), far.stop()]))

  test('the second one is used while the first has no healthy server', async () => {
    await using one = new Stage(near)
    await using two = new Stage(far)
    const there = await two.published('Arith', { catalog: true, metadata: 'dc=2' })
    const discovery = one.catalog({ datacenters: ['dc1', 'dc2'] })
    const told = heardOfDiscovery(discovery)
    const view = one.view('Arith', discovery)
    await view.shows({ [there.address]: 'dc=2' })

    const here = await one.published('Arith', { catalog: true, metadata: 'dc=1' })
    await view.shows({ [here.address]: 'dc=1' })
    await here.server.close()
    await view.shows({ [there.address]: 'dc=2' })

    // Health counts, not presence.
    const catalog = new CatalogHand(one.hand)
    const Check = { TTL: '1h', Status: 'critical' }
    await catalog.register({ ID: 'Arith', Name: 'Arith', Address: '127.0.0.1', Port: 7001, Check })
    const marker = await two.published('Arith', { catalog: true, metadata: 'dc=3' })
    await view.shows({ [there.address]: 'dc=2', [marker.address]: 'dc=3' })
    await catalog.setCheck('Arith', 'pass')
    await view.shows({ 'tcp@127.0.0.1:7001': '' })
    await catalog.setCheck('Arith', 'fail')
    await view.shows({ [there.address]: 'dc=2', [marker.address]: 'dc=3' })

    for (const list of view.all) expect(Object.keys(list).length).toBeGreaterThan(0)
    expect(told.all.filter(({ event }) => event === 'registryDown')).toEqual([])
    await catalog.deregister('Arith')
  })

  test('only the named one is watched', async () => {
    await using one = new Stage(near)
    await using two = new Stage(far)
    const { address } = await two.published('Echo', { catalog: true })
    const own = one.view('Echo', one.catalog())
    await one.view('Echo', one.catalog({ datacenters: ['dc2'] })).shows({ [address]: '' })
    await own.shows({})
    expect(own.all).toEqual([{}])
  })

  test('one that cannot be reached is skipped; if it is the only one, an error is reported', async () => {
    await using stage = new Stage(near)
    const { address } = await stage.published('Void', { catalog: true })
    const discovery = stage.catalog({ datacenters: ['nowhere', 'dc1'] })
    await stage.view('Void', discovery).shows({ [address]: '' })
    expect(discovery.status('Void').state).toBe('fresh')
    for (const datacenters of [['nowhere'], ['nowhere', 'no-more']]) {
      await expect(stage.catalog({ datacenters }).list('Void', { timeoutMs: 1_000 })).rejects.toMatchObject({
        code: 'ERR_RPCX_REGISTRY',
        cause: { message: expect.stringContaining('No path to datacenter') },
      })
    }
  })
})
