import type { Server } from '@rpcx/servers'
import { requireServer, startProxy, startZooKeeper } from '@rpcx/servers'
import { atMost, heardOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cutter } from './cutter.ts'
import { SESSION_MS, Stage } from './stage.ts'

const SERVER = 'tcp@10.0.0.1:1'

describe.runIf(await requireServer('zookeeper'))('A list', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('misses no change between being read and being watched', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const path = stage.path('Arith', SERVER)
    await hand.put(path, 'n=0')
    // While someone writes without a pause, each of many clients begins to follow somewhere in between.
    let last = 0
    let isDone = false
    const writing = (async () => {
      while (!isDone) await hand.edit(path, `n=${++last}`)
    })()
    const views = []
    for (let client = 0; client < 30; client++) {
      views.push(stage.view('Arith'))
      await views.at(-1)?.until(() => true)
    }
    isDone = true
    await writing
    for (const view of views) await view.shows({ [SERVER]: `n=${last}` })
  })

  test.concurrent.each(['down', 'up', 'both'] as const)(
    'is known to be stale within the session timeout of a watch that is stalled: %s',
    async direction => {
      await using stage = await Stage.open(zooKeeper)
      const proxy = await stage.proxy()
      const discovery = stage.discovery({ zooKeeperServers: proxy.address })
      const told = heardOfDiscovery(discovery)
      const view = stage.view('Arith', discovery)
      await view.shows({})
      proxy.stall(direction)
      const since = performance.now()
      await stage.hand.put(stage.path('Arith', SERVER), '')
      const down = await told.until(({ event }) => event === 'registryDown')
      atMost(SESSION_MS, `a watch stalled ${direction} is noticed`, down.at - since)
      expect(down.what.error).toMatchObject({
        code: 'ERR_RPCX_REGISTRY',
        message: expect.stringContaining(`zookeeper ${proxy.address}: `),
      })
      expect(discovery.status('Arith').state).toBe('stale')
      await proxy.heal()
      await view.shows({ [SERVER]: '' })
    },
  )

  test.concurrent('goes on at the next server when one is gone, and when one hangs, with the same session', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const [one, two] = [await stage.proxy(), await stage.proxy()]
    const zooKeeperServers = [one.address, two.address]
    const { address, told } = await stage.published('Arith', { zooKeeperServers, sessionTimeoutMs: 4_000 })
    const before = await hand.get(stage.path('Arith', address))
    let [used, next] = one.connections > 0 ? [one, two] : [two, one]
    for (const fault of ['cut', 'stall'] as const) {
      const { mark } = told
      if (fault === 'cut') await used.cut()
      else used.stall()
      await told.until(({ event }) => event === 'registryBack', mark)
      expect(next.connections).toBe(1)
      await used.heal()
      ;[used, next] = [next, used]
    }
    expect(await hand.get(stage.path('Arith', address))).toEqual(before)
    expect(told.all.filter(({ event }) => event === 'lost')).toEqual([])
  })

  test('comes at once though one of the servers is down', async () => {
    await using stage = await Stage.open(zooKeeper)
    const dead = await startProxy(zooKeeper.address)
    await dead.close()
    await stage.hand.put(stage.path('Arith', SERVER), '')
    // Each begins at a server by chance.
    for (let turn = 0; turn < 8; turn++) {
      const discovery = stage.discovery({ zooKeeperServers: [dead.address, zooKeeper.address] })
      const told = heardOfDiscovery(discovery)
      expect(await discovery.list('Arith')).toHaveLength(1)
      expect(told.all.map(({ event }) => event)).toEqual(['endpointAdded'])
    }
  })

  test.each([2, 11, 30])(
    'survives a connection that ends in the middle of an answer, after %i bytes, and so do the session and the process',
    async bytes => {
      await using stage = await Stage.open(zooKeeper)
      const cutter = stage.open(await Cutter.open(zooKeeper.address))
      const { server, told, address } = await stage.published('Arith', {
        zooKeeperServers: `127.0.0.1:${cutter.port}`,
        metadata: 'n=0',
      })
      const path = stage.path('Arith', address)
      const { owner } = (await stage.hand.get(path)) ?? {}
      cutter.cutNextAnswer(bytes)
      await stage.hand.edit(path, 'n=edited')
      await told.until(({ event }) => event === 'registryDown')
      await told.until(({ event }) => event === 'registryBack')
      await server.setMetadata('Arith', 'n=1')
      await stage.view('Arith').shows({ [address]: 'n=1' })
      expect((await stage.hand.get(path))?.owner).toBe(owner)
      expect(told.all.filter(({ event }) => event === 'lost')).toEqual([])
    },
  )

  test('ends with its discovery while ZooKeeper does not answer, and leaves no connection behind', async () => {
    await using stage = await Stage.open(zooKeeper)
    const proxy = await stage.proxy()
    proxy.stall()
    const discovery = stage.discovery({ zooKeeperServers: proxy.address })
    await expect(discovery.list('Arith', { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
    })
    const since = performance.now()
    await discovery.close()
    atMost(5_000, 'close() of a discovery that waits', performance.now() - since)
    await proxy.heal()
    // Were there one, it would be through before this.
    const later = stage.discovery({ zooKeeperServers: proxy.address })
    expect(await later.list('Arith')).toEqual([])
    await later.close()
    await until(async () => (await stage.hand.connections()) === 0)
  })
})

describe.runIf(await requireServer('zookeeper'))('A ZooKeeper that was restored to an earlier state', () => {
  test('is followed and announced to again, though its transactions went back', async () => {
    await using zooKeeper = await startZooKeeper()
    await using stage = await Stage.open(zooKeeper)
    const { address, told } = await stage.published('Arith', { metadata: 'n=1' })
    const view = stage.view('Arith')
    await view.shows({ [address]: 'n=1' })
    for (let n = 0; n < 100; n++) await stage.hand.put(stage.path('Arith', SERVER), `n=${n}`)
    await view.shows({ [address]: 'n=1', [SERVER]: 'n=99' })
    await zooKeeper.restart({ wipe: true })
    const up = performance.now()
    const { at } = await view.shows({ [address]: 'n=1' })
    atMost(5_000, 'a rewound ZooKeeper is followed again', at - up)
    const back = await told.until(({ event }) => event === 'registered', 1)
    atMost(2_000, 'a rewound ZooKeeper has the registration back', back.at - up)
    await using after = await Stage.open(zooKeeper)
    const other = await after.published('Arith', { basePath: stage.basePath, metadata: 'n=2' })
    await view.shows({ [address]: 'n=1', [other.address]: 'n=2' })
  })
})
