import type { Server } from '@rpcx/servers'
import { requireServer, startProxy, startZooKeeper } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('zookeeper'))('close()', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('leaves no session, entry or watch; the directories stay', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const { server, address } = await stage.published('Arith')
    const discovery = stage.discovery()
    await stage.view('Arith', discovery).shows({ [address]: '' })
    expect(await hand.sessions()).toHaveLength(2)
    expect(await hand.watches()).toBe(3)
    await server.close()
    expect(await hand.children(stage.path('Arith'))).toEqual([])
    expect((await hand.get(stage.path('Arith')))?.data).toBe('Arith')
    expect(await hand.sessions()).toHaveLength(1)
    await discovery.close()
    expect(await hand.sessions()).toEqual([])
    await until(async () => (await hand.watches()) === 0)
  })

  test('200 times leaves no session, watch or connection there, and no handle here', async () => {
    await using proxy = await startProxy(zooKeeper.address)
    await using stage = await Stage.open(zooKeeper, proxy.address)
    // What is made once stays: the first cycles are not counted.
    for (let cycle = 0; cycle < 5; cycle++) await openAndClose(stage)
    await until(() => proxy.connections === 0)
    const before = process.getActiveResourcesInfo().length
    for (let cycle = 0; cycle < 200; cycle++) await openAndClose(stage)
    await until(() => proxy.connections === 0)
    await until(() => process.getActiveResourcesInfo().length <= before)
    expect(await stage.hand.sessions()).toEqual([])
    await until(async () => (await stage.hand.watches()) === 0)
  })

  test('lets a process end by itself', async () => {
    await using stage = await Stage.open(zooKeeper)
    const program = stage.program('server', { service: 'Arith' })
    await program.told.until(({ event }) => event === 'published')
    program.say('close')
    await program.told.until(({ event }) => event === 'closed')
    const since = performance.now()
    expect(await program.exit).toEqual({ code: 0, signal: null })
    expect(performance.now() - since).toBeLessThan(2_000)
  })
})

async function openAndClose(stage: Stage): Promise<void> {
  const { server, address } = await stage.published('Cycle')
  const discovery = stage.discovery()
  const [endpoint] = await discovery.list('Cycle')
  expect(endpoint?.address).toBe(address)
  await discovery.close()
  await server.close()
}
