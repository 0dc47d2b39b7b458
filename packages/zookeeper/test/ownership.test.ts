import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { atMost, until } from '@rpcx/testing'
import { isSeenByWhoWaited, outlastsAnEarlierOne, survivesARestart } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { zooKeeper } from './registry.ts'
import { SESSION_MS, Stage } from './stage.ts'

describe.runIf(await requireServer('zookeeper'))('A registration', () => {
  let server: Server
  beforeAll(async () => {
    server = await startZooKeeper()
  })
  afterAll(() => server.stop())

  test('survives a restart of its server on the same address while the old session still lives', async () => {
    await using stage = await Stage.open(server)
    await survivesARestart(zooKeeper, stage, {
      withinMs: 3 * SESSION_MS,
      watch: async address => {
        const { owner } = (await stage.hand.get(stage.path('Arith', address))) ?? {}
        const old = BigInt(`0x${owner}`)
        return async () => !(await stage.hand.sessions()).some(id => BigInt(id) === old)
      },
    })
  })

  test('of two live servers at one address belongs to the later one; the other waits until that leaves', async () => {
    await using stage = await Stage.open(server)
    const { hand } = stage
    const serviceAddress = 'tcp@10.0.0.1:8972'
    const path = stage.path('Arith', serviceAddress)
    const view = stage.view('Arith')
    const first = await stage.published('Arith', { serviceAddress, metadata: 'is=first' })
    await view.shows({ [serviceAddress]: 'is=first' })
    const second = await stage.published('Arith', { serviceAddress, metadata: 'is=second' })
    await first.told.until(({ event }) => event === 'conflict')
    expect(first.told.all.find(({ event }) => event === 'lost')?.why).toBe('taken')
    const { mark } = first.told
    // Neither what the first is told to do nor what the second does makes it write.
    void first.server.setMetadata('Arith', 'is=still-first').catch(() => {})
    await second.server.setMetadata('Arith', 'is=second-for-ever')
    const held = await until(async () => {
      const found = await hand.get(path)
      return found?.data === 'is=second-for-ever' ? found : undefined
    })
    await hand.put(stage.path('Arith', 'tcp@10.0.0.2:2'), '')
    await view.until(list => 'tcp@10.0.0.2:2' in list)
    expect(await hand.get(path)).toEqual(held)
    expect(first.told.since(mark)).toEqual([])
    await second.server.close()
    const { at } = await view.until(list => !(serviceAddress in list))
    const back = await view.until(list => list[serviceAddress] === 'is=still-first')
    atMost(2_000, 'the one that waited is back', back.at - at)
    expect(second.told.all.map(({ event }) => event)).toEqual(['registered', 'withdrawn'])
  })

  test('is not removed by the late withdrawal of its predecessor', async () => {
    await using stage = await Stage.open(server)
    await outlastsAnEarlierOne(zooKeeper, stage)
  })

  test('that somebody deletes is back within a second', async () => {
    await using stage = await Stage.open(server)
    const { hand } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1' })
    const path = stage.path('Arith', address)
    for (let turn = 0; turn < 3; turn++) {
      const { made } = (await hand.get(path)) ?? {}
      const since = performance.now()
      await hand.remove(path)
      const back = await until(() => hand.get(path))
      // The next ones, out of no blue, are restored at the pace of the back-off.
      if (turn === 0) atMost(1_000, 'deleted by hand, back', performance.now() - since)
      expect(back.data).toBe('n=1')
      expect(back.made).not.toBe(made)
    }
    await told.until(({ event }) => event === 'registered', told.mark - 1)
    const lost = told.all.filter(({ event }) => event === 'lost')
    expect(lost.map(({ why }) => why)).toEqual(Array(3).fill('deleted'))
  })

  test('whose whole base path is deleted is back within two seconds, with its directories', async () => {
    await using stage = await Stage.open(server)
    const { hand, basePath } = stage
    const { server: own, address } = await stage.published('Arith')
    own.registerName('Echo', { Echo: () => 1 })
    await own.published()
    const { made } = (await hand.get(basePath)) ?? {}
    const since = performance.now()
    // At once, or the directories would not be empty again when their turn comes.
    await hand.removeAtOnce([
      stage.path('Arith', address),
      stage.path('Echo', address),
      stage.path('Arith'),
      stage.path('Echo'),
      basePath,
    ])
    for (const service of ['Arith', 'Echo']) {
      await until(() => hand.get(stage.path(service, address)))
      expect((await hand.get(stage.path(service)))?.data).toBe(service)
    }
    atMost(2_000, 'a wiped base path is back', performance.now() - since)
    const base = await hand.get(basePath)
    expect(base?.data).toBe('rpcx_path')
    expect(base?.made).not.toBe(made)
  })

  test('whose session is closed by others is back within a second, with a new session', async () => {
    await using stage = await Stage.open(server)
    const { hand } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1', sessionTimeoutMs: 4_000 })
    const path = stage.path('Arith', address)
    const before = await hand.get(path)
    const { mark } = told
    const since = performance.now()
    await hand.endSession(path)
    const back = await until(() => hand.get(path))
    atMost(1_000, 'a closed session, back', performance.now() - since)
    expect(back.owner).not.toBe(before?.owner)
    await told.until(({ event }) => event === 'registered', mark)
    const lost = told.all.filter(({ event }) => event === 'lost')
    expect(lost.map(({ why }) => why)).toEqual(['expired'])
  })

  test('is seen within a second by a client that waited before any server existed', async () => {
    await using stage = await Stage.open(server)
    await isSeenByWhoWaited(stage)
  })
})
