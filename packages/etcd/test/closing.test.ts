import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd, startProxy } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { leavesNoHandle, letsAProcessEnd } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('etcd'))('close()', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  test('leaves no lease, key or watch, and keeps the directories', async () => {
    await using harness = new Harness(etcd)
    const { gateway } = harness
    const leases = await gateway.leases()
    const { server, address } = await harness.published('Arith')
    const discovery = harness.discovery()
    await harness.view('Arith', discovery).shows({ [address]: '' })
    await until(async () => (await watchers(harness)) === 5)
    expect(await gateway.leases()).toHaveLength(leases.length + 1)
    await server.close()
    expect((await gateway.all(harness.basePath)).map(({ key, lease }) => [key, lease])).toEqual([
      [harness.basePath, '0'],
      [harness.key('Arith'), '0'],
    ])
    expect(await gateway.leases()).toEqual(leases)
    await discovery.close()
    await until(async () => (await watchers(harness)) === 0)
  })

  test('called 200 times leaves no lease, watch or connection at etcd, and no handle in this process', async () => {
    await using proxy = await startProxy(etcd.address)
    await using harness = new Harness(etcd, proxy.address)
    const leases = await harness.gateway.leases()
    await leavesNoHandle(harness, proxy)
    expect(await harness.gateway.leases()).toEqual(leases)
    await until(async () => (await watchers(harness)) === 0)
  })

  test('lets the process exit', async () => {
    await using harness = new Harness(etcd)
    await letsAProcessEnd(harness)
  })
})

/** Resolves to the number of watched ranges. A server watches its key and two directories, a discovery two spellings. */
function watchers(harness: Harness): Promise<number> {
  return harness.gateway.figure('etcd_debugging_mvcc_watcher_total')
}
