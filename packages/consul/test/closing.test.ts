import type { Server } from '@rpcx/servers'
import { requireServer, startConsul, startProxy } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { leavesNoHandle, letsAProcessEnd } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('consul'))('close()', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test('leaves no session, key or query, and keeps the directories', async () => {
    await using harness = new Harness(consul)
    const proxy = await harness.proxy()
    const { raw, basePath } = harness
    const through = { consulServers: proxy.address }
    const { server, address } = await harness.published('Arith', through)
    const discovery = harness.discovery(through)
    await harness.view('Arith', discovery).shows({ [address]: '' })
    expect(await raw.sessions()).toHaveLength(1)
    await server.close()
    expect((await raw.all(basePath)).map(({ key, session }) => [key, session])).toEqual([
      [basePath, undefined],
      [harness.key('Arith'), undefined],
    ])
    expect(await raw.sessions()).toEqual([])
    await discovery.close()
    await until(() => proxy.connections === 0)
  })

  test('and unregister() end the session of an address that another server took over', async () => {
    await using harness = new Harness(consul)
    const serviceAddress = 'tcp@10.0.0.1:8972'
    const first = await harness.published('Arith', { serviceAddress, metadata: 'is=first' })
    const second = await harness.published('Arith', { serviceAddress, metadata: 'is=second' })
    await first.events.until(({ event }) => event === 'conflict')
    await first.server.close()
    expect(await harness.raw.sessions()).toHaveLength(1)
    expect((await harness.raw.get(harness.key('Arith', serviceAddress)))?.value).toBe('is=second')
    await second.server.close()
    expect(await harness.raw.sessions()).toEqual([])
  })

  test('called 200 times leaves no session, key or connection at Consul, and no handle in this process', async () => {
    await using proxy = await startProxy(consul.address)
    await using harness = new Harness(consul, proxy.address)
    await leavesNoHandle(harness, proxy)
    expect(await harness.raw.sessions()).toEqual([])
    expect(await harness.raw.all(`${harness.key('Cycle')}/`)).toEqual([])
  })

  test('lets the process exit', async () => {
    await using harness = new Harness(consul)
    await letsAProcessEnd(harness)
  })
})
