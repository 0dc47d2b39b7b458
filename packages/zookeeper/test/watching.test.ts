import type { Server } from '@rpcx/servers'
import { requireServer, startProxy, startZooKeeper } from '@rpcx/servers'
import { eventsOfDiscovery, until } from '@rpcx/testing'
import {
  endsUnanswered,
  followsAfterAWipe,
  missesNoChange,
  noticesThatItIsStale,
  SOMEONE,
} from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Cutter } from './cutting-proxy.ts'
import { Harness, SESSION_MS } from './harness.ts'
import { zooKeeper } from './registry.ts'

describe.runIf(await requireServer('zookeeper'))('A list', () => {
  let server: Server
  beforeAll(async () => {
    server = await startZooKeeper()
  })
  afterAll(() => server.stop())

  test('misses no change between the first read and the watch', async () => {
    await using harness = await Harness.open(server)
    const path = harness.path('Arith', SOMEONE)
    await harness.raw.put(path, 'n=0')
    await missesNoChange(harness, metadata => harness.raw.edit(path, metadata))
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
    await using harness = await Harness.open(server)
    const { raw } = harness
    const [one, two] = [await harness.proxy(), await harness.proxy()]
    const zooKeeperServers = [one.address, two.address]
    const { address, events } = await harness.published('Arith', {
      zooKeeperServers,
      sessionTimeoutMs: 4_000,
    })
    const before = await raw.get(harness.path('Arith', address))
    let [used, next] = one.connections > 0 ? [one, two] : [two, one]
    for (const fault of ['cut', 'stall'] as const) {
      const { mark } = events
      if (fault === 'cut') await used.cut()
      else used.stall()
      await events.until(({ event }) => event === 'registryBack', mark)
      expect(next.connections).toBe(1)
      await used.heal()
      ;[used, next] = [next, used]
    }
    expect(await raw.get(harness.path('Arith', address))).toEqual(before)
    expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
  })

  test('is read at once although one of the servers is down', async () => {
    await using harness = await Harness.open(server)
    const dead = await startProxy(server.address)
    await dead.close()
    await harness.raw.put(harness.path('Arith', SOMEONE), '')
    // Each client begins at a random server.
    for (let turn = 0; turn < 8; turn++) {
      const discovery = harness.discovery({ zooKeeperServers: [dead.address, server.address] })
      const events = eventsOfDiscovery(discovery)
      expect(await discovery.list('Arith')).toHaveLength(1)
      expect(events.all.map(({ event }) => event)).toEqual(['endpointAdded'])
    }
  })

  test.each([2, 11, 30])(
    'survives a connection that ends in the middle of a reply, after %i bytes, with its session',
    async bytes => {
      await using harness = await Harness.open(server)
      const cutter = harness.open(await Cutter.open(server.address))
      const {
        server: member,
        events,
        address,
      } = await harness.published('Arith', {
        zooKeeperServers: `127.0.0.1:${cutter.port}`,
        metadata: 'n=0',
      })
      const path = harness.path('Arith', address)
      const { owner } = (await harness.raw.get(path)) ?? {}
      cutter.cutNextAnswer(bytes)
      await harness.raw.edit(path, 'n=edited')
      await events.until(({ event }) => event === 'registryDown')
      await events.until(({ event }) => event === 'registryBack')
      await member.setMetadata('Arith', 'n=1')
      await harness.view('Arith').shows({ [address]: 'n=1' })
      expect((await harness.raw.get(path))?.owner).toBe(owner)
      expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
    },
  )

  test('closes with its discovery while ZooKeeper does not respond, and leaves no connection behind', async () => {
    await using harness = await Harness.open(server)
    const proxy = await harness.proxy()
    await endsUnanswered(zooKeeper, harness, proxy)
    // A connection would have been opened before this.
    const later = harness.discovery({ zooKeeperServers: proxy.address })
    expect(await later.list('Arith')).toEqual([])
    await later.close()
    await until(async () => (await harness.raw.connections()) === 0)
  })
})

describe.runIf(await requireServer('zookeeper'))('A ZooKeeper that was restored to an earlier state', () => {
  test('is watched and written to again, although its transactions went back', async () => {
    await using server = await startZooKeeper()
    await using harness = await Harness.open(server)
    const { view, address } = await followsAfterAWipe(harness, server, {
      what: 'a rewound ZooKeeper',
      writes: 100,
      write: metadata => harness.raw.put(harness.path('Arith', SOMEONE), metadata),
    })
    await using after = await Harness.open(server)
    const other = await after.published('Arith', { basePath: harness.basePath, metadata: 'n=2' })
    await view.shows({ [address]: 'n=1', [other.address]: 'n=2' })
  })
})
