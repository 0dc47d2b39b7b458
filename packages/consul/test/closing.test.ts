import type { Server } from '@rpcx/servers'
import { requireServer, startConsul, startProxy } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { leavesNoHandle, letsAProcessEnd } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('consul'))('close()', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test('leaves no session, key or query, and keeps the directories', async () => {
    await using stage = new Stage(consul)
    const proxy = await stage.proxy()
    const { hand, basePath } = stage
    const through = { consulServers: proxy.address }
    const { server, address } = await stage.published('Arith', through)
    const discovery = stage.discovery(through)
    await stage.view('Arith', discovery).shows({ [address]: '' })
    expect(await hand.sessions()).toHaveLength(1)
    await server.close()
    expect((await hand.all(basePath)).map(({ key, session }) => [key, session])).toEqual([
      [basePath, undefined],
      [stage.key('Arith'), undefined],
    ])
    expect(await hand.sessions()).toEqual([])
    await discovery.close()
    await until(() => proxy.connections === 0)
  })

  test('and unregister() end the session of an address that another server took over', async () => {
    await using stage = new Stage(consul)
    const serviceAddress = 'tcp@10.0.0.1:8972'
    const first = await stage.published('Arith', { serviceAddress, metadata: 'is=first' })
    const second = await stage.published('Arith', { serviceAddress, metadata: 'is=second' })
    await first.told.until(({ event }) => event === 'conflict')
    await first.server.close()
    expect(await stage.hand.sessions()).toHaveLength(1)
    expect((await stage.hand.get(stage.key('Arith', serviceAddress)))?.value).toBe('is=second')
    await second.server.close()
    expect(await stage.hand.sessions()).toEqual([])
  })

  test('called 200 times leaves no session, key or connection at Consul, and no handle in this process', async () => {
    await using proxy = await startProxy(consul.address)
    await using stage = new Stage(consul, proxy.address)
    await leavesNoHandle(stage, proxy)
    expect(await stage.hand.sessions()).toEqual([])
    expect(await stage.hand.all(`${stage.key('Cycle')}/`)).toEqual([])
  })

  test('lets the process exit', async () => {
    await using stage = new Stage(consul)
    await letsAProcessEnd(stage)
  })
})
