import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { atMost, until } from '@rpcx/testing'
import { isSeenByWhoWaited, outlastsAnEarlierOne, survivesARestart } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness, SESSION_MS } from './harness.ts'
import { zooKeeper } from './registry.ts'

describe.runIf(await requireServer('zookeeper'))('A registration', () => {
  let server: Server
  beforeAll(async () => {
    server = await startZooKeeper()
  })
  afterAll(() => server.stop())

  test('survives a restart of its server on the same address while the old session still lives', async () => {
    await using harness = await Harness.open(server)
    await survivesARestart(zooKeeper, harness, {
      withinMs: 3 * SESSION_MS,
      watch: async address => {
        const { owner } = (await harness.raw.get(harness.path('Arith', address))) ?? {}
        const old = BigInt(`0x${owner}`)
        return async () => !(await harness.raw.sessions()).some(id => BigInt(id) === old)
      },
    })
  })

  test('of two live servers at one address belongs to the later one; the other waits until that leaves', async () => {
    await using harness = await Harness.open(server)
    const { raw } = harness
    const serviceAddress = 'tcp@10.0.0.1:8972'
    const path = harness.path('Arith', serviceAddress)
    const view = harness.view('Arith')
    const first = await harness.published('Arith', { serviceAddress, metadata: 'is=first' })
    await view.shows({ [serviceAddress]: 'is=first' })
    const second = await harness.published('Arith', { serviceAddress, metadata: 'is=second' })
    await first.events.until(({ event }) => event === 'conflict')
    expect(first.events.all.find(({ event }) => event === 'lost')?.why).toBe('taken')
    const { mark } = first.events
    // The first server does not write, whatever its program or the second server does.
    void first.server.setMetadata('Arith', 'is=still-first').catch(() => {})
    await second.server.setMetadata('Arith', 'is=second-for-ever')
    const held = await until(async () => {
      const found = await raw.get(path)
      return found?.data === 'is=second-for-ever' ? found : undefined
    })
    await raw.put(harness.path('Arith', 'tcp@10.0.0.2:2'), '')
    await view.until(list => 'tcp@10.0.0.2:2' in list)
    expect(await raw.get(path)).toEqual(held)
    expect(first.events.since(mark)).toEqual([])
    await second.server.close()
    const { at } = await view.until(list => !(serviceAddress in list))
    const back = await view.until(list => list[serviceAddress] === 'is=still-first')
    atMost(2_000, 'the one that waited is back', back.at - at)
    expect(second.events.all.map(({ event }) => event)).toEqual(['registered', 'withdrawn'])
  })

  test('is not removed by the late withdrawal of its predecessor', async () => {
    await using harness = await Harness.open(server)
    await outlastsAnEarlierOne(zooKeeper, harness)
  })

  test('that somebody deletes is back within a second', async () => {
    await using harness = await Harness.open(server)
    const { raw } = harness
    const { address, events } = await harness.published('Arith', { metadata: 'n=1' })
    const path = harness.path('Arith', address)
    for (let turn = 0; turn < 3; turn++) {
      const { made } = (await raw.get(path)) ?? {}
      const since = performance.now()
      await raw.remove(path)
      const back = await until(() => raw.get(path))
      // Core restores the next ones with its back-off, because they are not the first.
      if (turn === 0) atMost(1_000, 'deleted by hand, back', performance.now() - since)
      expect(back.data).toBe('n=1')
      expect(back.made).not.toBe(made)
    }
    await events.until(({ event }) => event === 'registered', events.mark - 1)
    const lost = events.all.filter(({ event }) => event === 'lost')
    expect(lost.map(({ why }) => why)).toEqual(Array(3).fill('deleted'))
  })

  test('whose whole base path is deleted is back within two seconds, with its directories', async () => {
    await using harness = await Harness.open(server)
    const { raw, basePath } = harness
    const { server: own, address } = await harness.published('Arith')
    own.registerName('Echo', { Echo: () => 1 })
    await own.published()
    const { made } = (await raw.get(basePath)) ?? {}
    const since = performance.now()
    // In one transaction, because servers would otherwise write below the directories again.
    await raw.removeAtOnce([
      harness.path('Arith', address),
      harness.path('Echo', address),
      harness.path('Arith'),
      harness.path('Echo'),
      basePath,
    ])
    for (const service of ['Arith', 'Echo']) {
      await until(() => raw.get(harness.path(service, address)))
      expect((await raw.get(harness.path(service)))?.data).toBe(service)
    }
    atMost(2_000, 'a wiped base path is back', performance.now() - since)
    const base = await raw.get(basePath)
    expect(base?.data).toBe('rpcx_path')
    expect(base?.made).not.toBe(made)
  })

  test('whose session is closed by others is back within a second, with a new session', async () => {
    await using harness = await Harness.open(server)
    const { raw } = harness
    const { address, events } = await harness.published('Arith', { metadata: 'n=1', sessionTimeoutMs: 4_000 })
    const path = harness.path('Arith', address)
    const before = await raw.get(path)
    const { mark } = events
    const since = performance.now()
    await raw.endSession(path)
    const back = await until(() => raw.get(path))
    atMost(1_000, 'a closed session, back', performance.now() - since)
    expect(back.owner).not.toBe(before?.owner)
    await events.until(({ event }) => event === 'registered', mark)
    const lost = events.all.filter(({ event }) => event === 'lost')
    expect(lost.map(({ why }) => why)).toEqual(['expired'])
  })

  test('is seen within a second by a client that waited before any server existed', async () => {
    await using harness = await Harness.open(server)
    await isSeenByWhoWaited(harness)
  })
})
