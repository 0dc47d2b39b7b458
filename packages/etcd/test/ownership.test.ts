import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { atMost, until } from '@rpcx/testing'
import { isSeenByWhoWaited, outlastsAnEarlierOne, survivesARestart } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { etcd } from './registry.ts'

describe.runIf(await requireServer('etcd'))('A registration', () => {
  let server: Server
  beforeAll(async () => {
    server = await startEtcd()
  })
  afterAll(() => server.stop())

  test('survives a restart of its server on the same address while the old lease still lives', async () => {
    await using harness = new Harness(server)
    await survivesARestart(etcd, harness, {
      withinMs: 20_000,
      watch: async address => {
        const old = (await harness.gateway.get(harness.key('Arith', address)))?.lease as string
        return async () => !(await harness.gateway.leases()).includes(old)
      },
    })
  })

  test('of two live servers at one address belongs to the later one; the other waits until that leaves', async () => {
    await using harness = new Harness(server)
    const { gateway } = harness
    const serviceAddress = 'tcp@10.0.0.1:8972'
    const key = harness.key('Arith', serviceAddress)
    const view = harness.view('Arith')
    const first = await harness.published('Arith', { serviceAddress, metadata: 'is=first' })
    await view.shows({ [serviceAddress]: 'is=first' })
    const second = await harness.published('Arith', { serviceAddress, metadata: 'is=second' })
    await first.events.until(({ event }) => event === 'conflict')
    expect(first.events.all.find(({ event }) => event === 'lost')?.why).toBe('taken')
    const lease = (await gateway.get(key))?.lease
    const { mark } = first.events
    // It watches the entry of the other server, but never writes.
    for (const metadata of ['is=second&n=1', 'is=second&n=2']) {
      await second.server.setMetadata('Arith', metadata)
      await view.shows({ [serviceAddress]: metadata })
      expect(await gateway.get(key)).toMatchObject({ value: metadata, lease })
    }
    expect(first.events.since(mark)).toEqual([])
    await second.server.close()
    const { at } = await view.until(list => Object.keys(list).length === 0)
    const back = await view.until(list => list[serviceAddress] === 'is=first', 1)
    atMost(2_000, 'the one that waited is back', back.at - at)
    expect(second.events.all.map(({ event }) => event)).toEqual(['registered', 'withdrawn'])
  })

  test('is not removed by the late withdrawal of its predecessor', async () => {
    await using harness = new Harness(server)
    await outlastsAnEarlierOne(etcd, harness)
  })

  test('that somebody deletes is back within a second', async () => {
    await using harness = new Harness(server)
    const { address, events } = await harness.published('Arith', { metadata: 'n=1' })
    for (let turn = 0; turn < 3; turn++) {
      const { mark } = events
      const since = performance.now()
      await harness.gateway.remove(harness.key('Arith', address))
      const back = await events.until(({ event }) => event === 'registered', mark)
      // Core restores the next ones with its back-off, because they are not the first.
      if (turn === 0) atMost(1_000, 'deleted by hand, back', back.at - since)
      expect((await harness.gateway.get(harness.key('Arith', address)))?.value).toBe('n=1')
    }
    expect(events.all.filter(({ event }) => event === 'lost').map(({ why }) => why)).toEqual(
      Array(3).fill('deleted'),
    )
  })

  test('whose whole base path is deleted is back within two seconds, with its directories', async () => {
    await using harness = new Harness(server)
    const { gateway, basePath } = harness
    const { server: own, address } = await harness.published('Arith')
    own.registerName('Echo', { Echo: () => 1 })
    await own.published()
    const before = (await gateway.all(basePath)).map(({ key }) => key)
    const since = performance.now()
    await gateway.removeAll(basePath)
    await until(async () => (await gateway.all(basePath)).length === before.length)
    atMost(2_000, 'a wiped base path is back', performance.now() - since)
    const after = await gateway.all(basePath)
    expect(after.map(({ key }) => key)).toEqual(before)
    expect(after.filter(({ lease }) => lease !== '0').map(({ key }) => key)).toEqual([
      harness.key('Arith', address),
      harness.key('Echo', address),
    ])
  })

  test('whose lease is revoked is back within a second, with a new lease', async () => {
    await using harness = new Harness(server)
    const { gateway } = harness
    const { address, events } = await harness.published('Arith', { metadata: 'n=1', ttlMs: 15_000 })
    const key = harness.key('Arith', address)
    const lease = (await gateway.get(key))?.lease as string
    const since = performance.now()
    await gateway.revoke(lease)
    const back = await until(() => gateway.get(key))
    atMost(1_000, 'a revoked lease, back', performance.now() - since)
    expect(back.lease).not.toBe(lease)
    const lost = events.all.filter(({ event }) => event === 'lost')
    expect(lost.map(({ why }) => why)).toEqual(['expired'])
    expect(await gateway.leases()).not.toContain(lease)
  })

  test('uses one connection, however often it renews its lease', async () => {
    await using harness = new Harness(server)
    const { gateway } = harness
    const proxy = await harness.proxy()
    const { events } = await harness.published('Arith', { etcdServers: proxy.address })
    const keptAlive = (): Promise<number> =>
      gateway.figure('grpc_server_started_total', 'grpc_method="LeaseKeepAlive"')
    const [attempts, before] = [proxy.attempts, await keptAlive()]
    await until(async () => (await keptAlive()) >= before + 3)
    expect(proxy.attempts).toBe(attempts)
    expect(events.all.map(({ event }) => event)).toEqual(['registered'])
  })

  test('is seen within a second by a client that waited before any server existed', async () => {
    await using harness = new Harness(server)
    await isSeenByWhoWaited(harness)
  })
})
