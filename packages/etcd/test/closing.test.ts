import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd, startProxy } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { leavesNoHandle, letsAProcessEnd } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('etcd'))('close()', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  test('leaves no lease, key or watch, and keeps the directories', async () => {
    await using stage = new Stage(etcd)
    const { gateway } = stage
    const leases = await gateway.leases()
    const { server, address } = await stage.published('Arith')
    const discovery = stage.discovery()
    await stage.view('Arith', discovery).shows({ [address]: '' })
    await until(async () => (await watchers(stage)) === 5)
    expect(await gateway.leases()).toHaveLength(leases.length + 1)
    await server.close()
    expect((await gateway.all(stage.basePath)).map(({ key, lease }) => [key, lease])).toEqual([
      [stage.basePath, '0'],
      [stage.key('Arith'), '0'],
    ])
    expect(await gateway.leases()).toEqual(leases)
    await discovery.close()
    await until(async () => (await watchers(stage)) === 0)
  })

  test('called 200 times leaves no lease, watch or connection at etcd, and no handle in this process', async () => {
    await using proxy = await startProxy(etcd.address)
    await using stage = new Stage(etcd, proxy.address)
    const leases = await stage.gateway.leases()
    await leavesNoHandle(stage, proxy)
    expect(await stage.gateway.leases()).toEqual(leases)
    await until(async () => (await watchers(stage)) === 0)
  })

  test('lets the process exit', async () => {
    await using stage = new Stage(etcd)
    await letsAProcessEnd(stage)
  })
})

/** How many ranges are watched at etcd: an announcement watches its key and its two directories, a follow two spellings. */
function watchers(stage: Stage): Promise<number> {
  return stage.gateway.figure('etcd_debugging_mvcc_watcher_total')
}
