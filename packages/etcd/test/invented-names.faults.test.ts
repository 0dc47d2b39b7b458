import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { OneClient, RegistryDiscovery } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EtcdDriver } from '../src/driver.ts'
import { Harness } from './harness.ts'

const NAMES = 10_000

describe.runIf(await requireServer('etcd'))('service names that clients invent', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  test('leave no watch at etcd and no memory in this process', async () => {
    await using harness = new Harness(etcd)
    const { gateway, basePath } = harness
    const driver = new EtcdDriver({ etcdServers: etcd.address, basePath })
    const discovery = harness.open(new RegistryDiscovery(driver, {}, { idleMs: 100 }))
    const one = harness.open(new OneClient(discovery, {}, { sweepMs: 100 }))
    const watches = (): Promise<number> => gateway.figure('etcd_debugging_mvcc_watcher_total')
    const invent = async (from: number, count: number): Promise<void> => {
      for (let n = from; n < from + count; n += 100) {
        const names = Array.from({ length: 100 }, (_, i) => `invented${n + i}`)
        await Promise.all(names.map(name => one.call(name, 'get').catch(() => {})))
      }
      await until(async () => (await watches()) === 0)
    }
    // One-time allocations, such as compiled code and caches, stay.
    await invent(0, 2_000)
    const before = heapBytes()
    await invent(2_000, NAMES)
    const grown = heapBytes() - before
    console.info(`${NAMES} invented names leave ${(grown / NAMES).toFixed(0)} bytes each`)
    // Keeping one name would use 23 KB.
    expect(grown / NAMES).toBeLessThan(200)
  }, 120_000)
})

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  return process.memoryUsage().heapUsed
}
