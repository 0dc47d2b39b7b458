import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd, startProxy } from '@rpcx/servers'
import { atMost, heardOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('etcd'))('A list', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  test('misses no change between being read and being watched', async () => {
    await using stage = new Stage(etcd)
    const { gateway } = stage
    const key = stage.key('Arith', 'tcp@10.0.0.1:1')
    // While someone writes without a pause, each of many clients begins to follow somewhere in between.
    let last = 0
    let isDone = false
    const writing = (async () => {
      while (!isDone) await gateway.put(key, `n=${++last}`)
    })()
    const views = []
    for (let client = 0; client < 30; client++) {
      views.push(stage.view('Arith'))
      await views.at(-1)?.until(() => true)
    }
    isDone = true
    await writing
    for (const view of views) await view.shows({ 'tcp@10.0.0.1:1': `n=${last}` })
  })

  test('is read again when the changes since are compacted', async () => {
    await using stage = new Stage(etcd)
    const { gateway } = stage
    const proxy = await stage.proxy()
    const discovery = stage.discovery({ etcdServers: proxy.address })
    const view = stage.view('Arith', discovery)
    await gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), '')
    await view.shows({ 'tcp@10.0.0.1:1': '' })
    await proxy.cut()
    for (let n = 0; n < 20; n++) await gateway.put(stage.key('Arith', 'tcp@10.0.0.2:2'), `n=${n}`)
    await gateway.remove(stage.key('Arith', 'tcp@10.0.0.1:1'))
    await gateway.compact()
    const since = performance.now()
    await proxy.heal()
    const { at } = await view.shows({ 'tcp@10.0.0.2:2': 'n=19' })
    atMost(5_000, 'compacted meanwhile, the list is right', at - since)
    await gateway.put(stage.key('Arith', 'tcp@10.0.0.2:2'), 'n=20')
    await view.shows({ 'tcp@10.0.0.2:2': 'n=20' })
  })

  test('is read again when the watch itself falls behind a compaction', async () => {
    await using stage = new Stage(etcd)
    const { gateway } = stage
    const proxy = await stage.proxy()
    const view = stage.view('Arith', stage.discovery({ etcdServers: proxy.address }))
    await view.shows({})
    // What the watch is created with arrives after the compaction.
    proxy.drop()
    proxy.delay(300)
    for (let n = 0; n < 5; n++) {
      await gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
      await gateway.compact()
    }
    await view.until(list => 'tcp@10.0.0.1:1' in list)
    for (let n = 5; n < 10; n++) {
      await gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
      await gateway.compact()
    }
    await proxy.heal()
    await view.shows({ 'tcp@10.0.0.1:1': 'n=9' })
  })

  test.concurrent.each(['down', 'up', 'both'] as const)(
    'is known to be stale within ten seconds of a watch that is stalled: %s',
    async direction => {
      await using stage = new Stage(etcd)
      const { gateway } = stage
      const proxy = await stage.proxy()
      const discovery = stage.discovery({ etcdServers: proxy.address })
      const told = heardOfDiscovery(discovery)
      const view = stage.view('Arith', discovery)
      await view.shows({})
      proxy.stall(direction)
      const since = performance.now()
      await gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), '')
      const down = await told.until(({ event }) => event === 'registryDown', 0, 30_000)
      atMost(10_000, `a watch stalled ${direction} is noticed`, down.at - since)
      expect(discovery.status('Arith').state).toBe('stale')
      await proxy.heal()
      await view.shows({ 'tcp@10.0.0.1:1': '' })
    },
    40_000,
  )

  test('goes on at the next member when one is gone, and when one hangs', async () => {
    await using stage = new Stage(etcd)
    const { gateway } = stage
    const [one, two] = [await stage.proxy(), await stage.proxy()]
    const discovery = stage.discovery({ etcdServers: [one.address, two.address] })
    const view = stage.view('Arith', discovery)
    await view.shows({})
    for (const [n, fault] of (['cut', 'cut', 'stall'] as const).entries()) {
      const used = one.connections > 0 ? one : two
      if (fault === 'cut') await used.cut()
      else used.stall()
      await gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
      await view.until(list => list['tcp@10.0.0.1:1'] === `n=${n}`)
      await used.heal()
      await until(() => discovery.status('Arith').state === 'fresh')
    }
  }, 40_000)

  test('ends with its discovery while etcd does not answer, and leaves no connection behind', async () => {
    await using stage = new Stage(etcd)
    await using proxy = await startProxy(etcd.address)
    proxy.stall()
    const discovery = stage.discovery({ etcdServers: proxy.address })
    await expect(discovery.list('Arith', { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
    })
    const since = performance.now()
    await discovery.close()
    atMost(5_000, 'close() of a discovery that waits', performance.now() - since)
    await proxy.heal()
    await until(() => proxy.connections === 0)
  })
})

describe.runIf(await requireServer('etcd'))('A cluster that was restored to an earlier state', () => {
  test('is followed and announced to again, though its revisions went back', async () => {
    await using etcd = await startEtcd()
    await using stage = new Stage(etcd)
    const { gateway } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1' })
    const view = stage.view('Arith')
    await view.shows({ [address]: 'n=1' })
    for (let n = 0; n < 100; n++) await gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'n=99' })
    const since = performance.now()
    await etcd.restart({ wipe: true })
    const up = performance.now()
    const { at } = await view.shows({ [address]: 'n=1' })
    atMost(5_000, 'a rewound cluster is followed again', at - up)
    const back = await told.until(({ event }) => event === 'registered', 1)
    atMost(2_000, 'a rewound cluster has the registration back', back.at - up)
    expect(back.at).toBeGreaterThan(since)
    await gateway.put(stage.key('Arith', 'tcp@10.0.0.2:2'), '')
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.2:2': '' })
    expect((await gateway.get(stage.basePath))?.value).toBe('rpcx_path')
  })
})
