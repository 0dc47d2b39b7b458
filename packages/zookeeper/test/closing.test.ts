import type { Server } from '@rpcx/servers'
import { requireServer, startProxy, startZooKeeper } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { leavesNoHandle, letsAProcessEnd } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('zookeeper'))('close()', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('leaves no session, entry or watch, and keeps the directories', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { raw } = harness
    const { server, address } = await harness.published('Arith')
    const discovery = harness.discovery()
    await harness.view('Arith', discovery).shows({ [address]: '' })
    expect(await raw.sessions()).toHaveLength(2)
    expect(await raw.watches()).toBe(3)
    await server.close()
    expect(await raw.children(harness.path('Arith'))).toEqual([])
    expect((await raw.get(harness.path('Arith')))?.data).toBe('Arith')
    expect(await raw.sessions()).toHaveLength(1)
    await discovery.close()
    expect(await raw.sessions()).toEqual([])
    await until(async () => (await raw.watches()) === 0)
  })

  test('called 200 times leaves no session, watch or connection at ZooKeeper, and no handle in this process', async () => {
    await using proxy = await startProxy(zooKeeper.address)
    await using harness = await Harness.open(zooKeeper, proxy.address)
    await leavesNoHandle(harness, proxy)
    expect(await harness.raw.sessions()).toEqual([])
    await until(async () => (await harness.raw.watches()) === 0)
  })

  test('lets the process exit', async () => {
    await using harness = await Harness.open(zooKeeper)
    await letsAProcessEnd(harness)
  })
})
