import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cutter } from './cutter.ts'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('zookeeper'))('An outage of ZooKeeper', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('by kill -9 and a restart keeps the session, and is seen by no client', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { server, told, address } = await stage.published('Arith', { metadata: 'n=0' })
    const view = stage.view('Arith')
    await view.shows({ [address]: 'n=0' })
    const path = stage.path('Arith', address)
    const before = await stage.hand.get(path)
    await zooKeeper.restart()
    await told.until(({ event }) => event === 'registryBack')
    await server.published()
    expect(await stage.hand.get(path)).toEqual(before)
    expect(told.all.filter(({ event }) => event === 'lost')).toEqual([])
    await server.setMetadata('Arith', 'n=1')
    await view.shows({ [address]: 'n=1' })
    expect(view.all).toEqual([{ [address]: 'n=0' }, { [address]: 'n=1' }])
  })

  test('by a cut of the network changes nothing, and what was missed is seen after it', async () => {
    await using stage = await Stage.open(zooKeeper)
    const proxy = await stage.proxy()
    const behind = await stage.published('Arith', { zooKeeperServers: proxy.address, metadata: 'is=behind' })
    const view = stage.view('Arith', proxy.address)
    await view.shows({ [behind.address]: 'is=behind' })
    await proxy.cut()
    await behind.told.until(({ event }) => event === 'registryDown')
    const coming = await stage.published('Arith', { metadata: 'is=coming' })
    expect(view.mark).toBe(1)
    await proxy.heal()
    await view.shows({ [behind.address]: 'is=behind', [coming.address]: 'is=coming' })
    expect(behind.told.all.filter(({ event }) => event === 'lost')).toEqual([])
  })

  test('that leaves connections open but silent is noticed within the session timeout', async () => {
    await using stage = await Stage.open(zooKeeper)
    const proxy = await stage.proxy()
    const { told, address } = await stage.published('Arith', { zooKeeperServers: proxy.address })
    const since = performance.now()
    proxy.stall()
    const { at } = await told.until(({ event }) => event === 'registryDown')
    expect(at - since).toBeLessThan(6_000)
    await proxy.heal()
    await told.until(({ event }) => event === 'registryBack')
    await stage.view('Arith').shows({ [address]: '' })
  })
  test.each([2, 11, 30])(
    'in the middle of an answer, after %i bytes, ends neither the session nor the process',
    async bytes => {
      await using stage = await Stage.open(zooKeeper)
      const cutter = stage.open(await Cutter.open(zooKeeper.address))
      const { server, told, address } = await stage.published('Arith', {
        zooKeeperServers: cutter.address,
        metadata: 'n=0',
      })
      const before = await stage.hand.get(stage.path('Arith', address))
      cutter.cutNextAnswer(bytes)
      await stage.hand.edit(stage.path('Arith', address), 'n=edited')
      await told.until(({ event }) => event === 'registryDown')
      await told.until(({ event }) => event === 'registryBack')
      expect((await stage.hand.get(stage.path('Arith', address)))?.made).toBe(before?.made)
      await server.setMetadata('Arith', 'n=1')
      await stage.view('Arith').shows({ [address]: 'n=1' })
      expect(told.all.filter(({ event }) => event === 'lost')).toEqual([])
    },
  )
})
