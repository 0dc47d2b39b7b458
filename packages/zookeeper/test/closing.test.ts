import type { Server } from '@rpcx/servers'
import { requireServer, startProxy, startZooKeeper } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { leavesNoHandle, letsAProcessEnd } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('zookeeper'))('close()', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('leaves no session, entry or watch, and keeps the directories', async () => {
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

  test('called 200 times leaves no session, watch or connection at ZooKeeper, and no handle in this process', async () => {
    await using proxy = await startProxy(zooKeeper.address)
    await using stage = await Stage.open(zooKeeper, proxy.address)
    await leavesNoHandle(stage, proxy)
    expect(await stage.hand.sessions()).toEqual([])
    await until(async () => (await stage.hand.watches()) === 0)
  })

  test('lets the process exit', async () => {
    await using stage = await Stage.open(zooKeeper)
    await letsAProcessEnd(stage)
  })
})
