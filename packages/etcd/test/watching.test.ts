import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { atMost, until } from '@rpcx/testing'
import {
  endsUnanswered,
  followsAfterAWipe,
  missesNoChange,
  noticesThatItIsStale,
  SOMEONE,
} from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { etcd } from './registry.ts'

describe.runIf(await requireServer('etcd'))('A list', () => {
  let server: Server
  beforeAll(async () => {
    server = await startEtcd()
  })
  afterAll(() => server.stop())

  test('misses no change between the first read and the watch', async () => {
    await using harness = new Harness(server)
    await missesNoChange(harness, metadata => etcd.put(harness, 'Arith', SOMEONE, metadata))
  })

  test('is read again when etcd compacts the changes since the last read', async () => {
    await using harness = new Harness(server)
    const { gateway } = harness
    const proxy = await harness.proxy()
    const discovery = harness.discovery({ etcdServers: proxy.address })
    const view = harness.view('Arith', discovery)
    await gateway.put(harness.key('Arith', 'tcp@10.0.0.1:1'), '')
    await view.shows({ 'tcp@10.0.0.1:1': '' })
    await proxy.cut()
    for (let n = 0; n < 20; n++) await gateway.put(harness.key('Arith', 'tcp@10.0.0.2:2'), `n=${n}`)
    await gateway.remove(harness.key('Arith', 'tcp@10.0.0.1:1'))
    await gateway.compact()
    const since = performance.now()
    await proxy.heal()
    const { at } = await view.shows({ 'tcp@10.0.0.2:2': 'n=19' })
    atMost(5_000, 'compacted meanwhile, the list is right', at - since)
    await gateway.put(harness.key('Arith', 'tcp@10.0.0.2:2'), 'n=20')
    await view.shows({ 'tcp@10.0.0.2:2': 'n=20' })
  })

  test('is read again when the watch itself falls behind a compaction', async () => {
    await using harness = new Harness(server)
    const { gateway } = harness
    const proxy = await harness.proxy()
    const view = harness.view('Arith', harness.discovery({ etcdServers: proxy.address }))
    await view.shows({})
    // The request that creates the watch arrives after the compaction.
    proxy.drop()
    proxy.delay(300)
    for (let n = 0; n < 5; n++) {
      await gateway.put(harness.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
      await gateway.compact()
    }
    await view.until(list => 'tcp@10.0.0.1:1' in list)
    for (let n = 5; n < 10; n++) {
      await gateway.put(harness.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
      await gateway.compact()
    }
    await proxy.heal()
    await view.shows({ 'tcp@10.0.0.1:1': 'n=9' })
  })

  test.concurrent.each(['down', 'up', 'both'] as const)(
    'is reported as stale within ten seconds of a stalled watch: %s',
    async direction => {
      await noticesThatItIsStale(etcd, server, { direction, promisedMs: 10_000 })
    },
    40_000,
  )

  test('moves to the next member when a member stops, and when one hangs', async () => {
    await using harness = new Harness(server)
    const { gateway } = harness
    const [one, two] = [await harness.proxy(), await harness.proxy()]
    const discovery = harness.discovery({ etcdServers: [one.address, two.address] })
    const view = harness.view('Arith', discovery)
    await view.shows({})
    for (const [n, fault] of (['cut', 'cut', 'stall'] as const).entries()) {
      const used = one.connections > 0 ? one : two
      if (fault === 'cut') await used.cut()
      else used.stall()
      await gateway.put(harness.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
      await view.until(list => list['tcp@10.0.0.1:1'] === `n=${n}`)
      await used.heal()
      await until(() => discovery.status('Arith').state === 'fresh')
    }
  }, 40_000)

  test('closes with its discovery while etcd does not respond, and leaves no connection behind', async () => {
    await using harness = new Harness(server)
    const proxy = await harness.proxy()
    await endsUnanswered(etcd, harness, proxy)
    await until(() => proxy.connections === 0)
  })
})

describe.runIf(await requireServer('etcd'))('A cluster that was restored to an earlier state', () => {
  test('is watched and written to again, although its revisions went back', async () => {
    await using server = await startEtcd()
    await using harness = new Harness(server)
    const { view, address } = await followsAfterAWipe(harness, server, {
      what: 'a rewound cluster',
      writes: 100,
      write: metadata => etcd.put(harness, 'Arith', SOMEONE, metadata),
    })
    await harness.gateway.put(harness.key('Arith', 'tcp@10.0.0.2:2'), '')
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.2:2': '' })
    expect((await harness.gateway.get(harness.basePath))?.value).toBe('rpcx_path')
  })
})
