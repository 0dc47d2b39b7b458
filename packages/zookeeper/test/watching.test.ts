import type { Server } from '@rpcx/servers'
import { requireServer, startProxy, startZooKeeper } from '@rpcx/servers'
import { heardOfDiscovery, until } from '@rpcx/testing'
import {
  endsUnanswered,
  followsAfterAWipe,
  missesNoChange,
  noticesThatItIsStale,
  SOMEONE,
} from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cutter } from './cutter.ts'
import { zooKeeper } from './registry.ts'
import { SESSION_MS, Stage } from './stage.ts'

describe.runIf(await requireServer('zookeeper'))('A list', () => {
  let server: Server
  beforeAll(async () => {
    server = await startZooKeeper()
  })
  afterAll(() => server.stop())

  test('misses no change between the first read and the watch', async () => {
    await using stage = await Stage.open(server)
    const path = stage.path('Arith', SOMEONE)
    await stage.hand.put(path, 'n=0')
    await missesNoChange(stage, metadata => stage.hand.edit(path, metadata))
  })

  test.concurrent.each(['down', 'up', 'both'] as const)(
    'is reported as stale within the session timeout of a stalled watch: %s',
    async direction => {
      const promisedMs = SESSION_MS
      const { error, through } = await noticesThatItIsStale(zooKeeper, server, { direction, promisedMs })
      expect(error).toMatchObject({
        code: 'ERR_RPCX_REGISTRY',
        message: expect.stringContaining(`zookeeper ${through}: `),
      })
    },
  )

  test.concurrent('moves to the next server when a server stops, and when one hangs, with the same session', async () => {
    await using stage = await Stage.open(server)
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

  test('is read at once although one of the servers is down', async () => {
    await using stage = await Stage.open(server)
    const dead = await startProxy(server.address)
    await dead.close()
    await stage.hand.put(stage.path('Arith', SOMEONE), '')
    // Each begins at a server by chance.
    for (let turn = 0; turn < 8; turn++) {
      const discovery = stage.discovery({ zooKeeperServers: [dead.address, server.address] })
      const told = heardOfDiscovery(discovery)
      expect(await discovery.list('Arith')).toHaveLength(1)
      expect(told.all.map(({ event }) => event)).toEqual(['endpointAdded'])
    }
  })

  test.each([2, 11, 30])(
    'survives a connection that ends in the middle of a reply, after %i bytes, with its session',
    async bytes => {
      await using stage = await Stage.open(server)
      const cutter = stage.open(await Cutter.open(server.address))
      const {
        server: member,
        told,
        address,
      } = await stage.published('Arith', {
        zooKeeperServers: `127.0.0.1:${cutter.port}`,
        metadata: 'n=0',
      })
      const path = stage.path('Arith', address)
      const { owner } = (await stage.hand.get(path)) ?? {}
      cutter.cutNextAnswer(bytes)
      await stage.hand.edit(path, 'n=edited')
      await told.until(({ event }) => event === 'registryDown')
      await told.until(({ event }) => event === 'registryBack')
      await member.setMetadata('Arith', 'n=1')
      await stage.view('Arith').shows({ [address]: 'n=1' })
      expect((await stage.hand.get(path))?.owner).toBe(owner)
      expect(told.all.filter(({ event }) => event === 'lost')).toEqual([])
    },
  )

  test('closes with its discovery while ZooKeeper does not respond, and leaves no connection behind', async () => {
    await using stage = await Stage.open(server)
    const proxy = await stage.proxy()
    await endsUnanswered(zooKeeper, stage, proxy)
    // Were there one, it would be through before this.
    const later = stage.discovery({ zooKeeperServers: proxy.address })
    expect(await later.list('Arith')).toEqual([])
    await later.close()
    await until(async () => (await stage.hand.connections()) === 0)
  })
})

describe.runIf(await requireServer('zookeeper'))('A ZooKeeper that was restored to an earlier state', () => {
  test('is watched and written to again, although its transactions went back', async () => {
    await using server = await startZooKeeper()
    await using stage = await Stage.open(server)
    const { view, address } = await followsAfterAWipe(stage, server, {
      what: 'a rewound ZooKeeper',
      writes: 100,
      write: metadata => stage.hand.put(stage.path('Arith', SOMEONE), metadata),
    })
    await using after = await Stage.open(server)
    const other = await after.published('Arith', { basePath: stage.basePath, metadata: 'n=2' })
    await view.shows({ [address]: 'n=1', [other.address]: 'n=2' })
  })
})
