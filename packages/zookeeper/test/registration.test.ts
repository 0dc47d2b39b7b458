import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { Log, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ZooKeeperDriver } from '../src/driver.ts'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('zookeeper'))('A server in ZooKeeper', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('lies where a Go client reads it: the entry ends with its session, the directories do not', async () => {
    await using stage = await Stage.open(zooKeeper)
    const basePath = `//${stage.basePath}//deep/`
    const { server, address } = await stage.published('Arith', { basePath, metadata: 'weight=10&group=g1' })
    const deep = stage.path('deep')
    const none = '0'.repeat(16)
    expect(await stage.hand.get(stage.basePath)).toMatchObject({ data: '', owner: none })
    expect(await stage.hand.get(deep)).toMatchObject({ data: 'rpcx_path', owner: none })
    expect(await stage.hand.get(`${deep}/Arith`)).toMatchObject({ data: 'Arith', owner: none })
    const leaf = await stage.hand.get(`${deep}/Arith/${address}`)
    expect(leaf?.data).toBe('weight=10&group=g1')
    expect(leaf?.owner).not.toBe(none)
    await server.close()
    expect(await stage.hand.children(`${deep}/Arith`)).toEqual([])
  })

  test('shows new metadata to those who watch the children only, and never an empty list', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { server, address } = await stage.published('Arith', { metadata: 'n=0' })
    const view = stage.view('Arith')
    await view.shows({ [address]: 'n=0' })
    const seen = new Log<readonly string[]>()
    await stage.hand.watchChildren(stage.path('Arith'), data => seen.add(data))
    for (const n of [1, 2, 3]) {
      await server.setMetadata('Arith', `n=${n}`)
      await seen.until(([data]) => data === `n=${n}`)
      await view.shows({ [address]: `n=${n}` })
    }
    for (const data of seen.all) expect(data).toHaveLength(1)
    for (const entries of view.all) expect(Object.keys(entries)).toEqual([address])
  })

  test('writes its figures where nobody hears of it who watches the children', async () => {
    await using stage = await Stage.open(zooKeeper)
    const meter = { rateMean: () => 1.5 }
    const { address } = await stage.published('Arith', {
      metadata: 'n=0',
      metrics: { calls: meter, connections: meter },
      updateIntervalMs: 100,
    })
    const path = stage.path('Arith', address)
    const { made } = (await stage.hand.get(path)) ?? {}
    const ticked = await until(async () => {
      const found = await stage.hand.get(path)
      return found?.data.includes('calls') ? found : undefined
    })
    expect(ticked).toMatchObject({ data: 'calls=1.50&connections=1.50&n=0', made })
  })

  test('keeps what others changed, and is back within a second when they delete it', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { server, told, address } = await stage.published('Arith', { metadata: 'n=0' })
    const view = stage.view('Arith')
    await stage.hand.edit(stage.path('Arith', address), 'n=0&state=inactive')
    await view.shows({ [address]: 'n=0&state=inactive' })
    const since = performance.now()
    await stage.hand.remove(stage.path('Arith', address))
    await told.until(({ event, why }) => event === 'lost' && why === 'deleted')
    await server.published()
    expect((await stage.hand.get(stage.path('Arith', address)))?.data).toBe('n=0&state=inactive')
    expect(performance.now() - since).toBeLessThan(3_000)
    await server.setMetadata('Arith', 'n=1')
    await view.shows({ [address]: 'n=1&state=inactive' })
  })

  test('is back when its session was closed from outside', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { told, address } = await stage.published('Arith', { metadata: 'n=0' })
    const path = stage.path('Arith', address)
    const before = await stage.hand.get(path)
    const mark = told.mark
    await stage.hand.endSession(path)
    await told.until(({ event, why }) => event === 'lost' && why === 'expired', mark)
    await told.until(({ event }) => event === 'registered', mark)
    const after = await stage.hand.get(path)
    expect(after?.data).toBe('n=0')
    expect(after?.owner).not.toBe(before?.owner)
  })

  test('gives way to another that claims its address, waits, and leaves it alone when it goes', async () => {
    await using stage = await Stage.open(zooKeeper)
    const serviceAddress = 'tcp@10.0.0.1:1'
    const first = await stage.published('Arith', { serviceAddress, metadata: 'is=first' })
    const view = stage.view('Arith')
    const second = await stage.published('Arith', { serviceAddress, metadata: 'is=second' })
    await first.told.until(({ event, why }) => event === 'lost' && why === 'taken')
    await first.told.until(({ event }) => event === 'conflict')
    await view.shows({ [serviceAddress]: 'is=second' })
    await second.server.close()
    await view.shows({ [serviceAddress]: 'is=first' })
    const third = await stage.published('Arith', { serviceAddress, metadata: 'is=third' })
    await first.told.until(({ event }) => event === 'lost', first.told.mark - 1)
    await first.server.close()
    expect((await stage.hand.get(stage.path('Arith', serviceAddress)))?.data).toBe('is=third')
    expect(third.told.all).toEqual([expect.objectContaining({ event: 'registered' })])
  })

  test('does not write over what others wrote since it looked', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { basePath, zooKeeperServers } = stage
    const driver = new ZooKeeperDriver({ basePath, zooKeeperServers, sessionTimeoutMs: 2_000 })
    const { signal } = new AbortController()
    const session = await driver.open(signal)
    const entry = { service: 'Arith', address: 'tcp@10.0.0.1:1', metadata: 'n=0' }
    const holder = { changed: () => {}, lost: () => {} }
    const announcement = await session.announce(entry, 'claim', holder, signal)
    await stage.hand.edit(stage.path('Arith', entry.address), 'n=edited')
    expect(await announcement.update('n=0', 'n=1', 'all')).toBe(false)
    expect(await announcement.update('n=0', 'n=1', 'metrics')).toBe(false)
    expect((await stage.hand.get(stage.path('Arith', entry.address)))?.data).toBe('n=edited')
    await session.close(signal)
  })
})
