import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { entriesOf } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('etcd'))(
  'A thousand servers and a hundred watchers of one process',
  () => {
    let etcd: Server
    beforeAll(async () => {
      etcd = await startEtcd()
    })
    afterAll(() => etcd.stop())

    test('need one read and one watch at etcd, and changes come in batches', async () => {
      await using harness = new Harness(etcd)
      const { gateway } = harness
      const addresses = Array.from({ length: 1_000 }, (_, i) => `tcp@10.0.${i >> 8}.${i & 255}:1`)
      await putAll(harness, addresses, 'n=0')
      const discovery = harness.discovery()
      const [reads, watches] = await counts(harness)
      const lists = Array.from({ length: 100 }, () => [] as number[])
      let all!: () => void
      const whenAll = new Promise<void>(resolve => (all = resolve))
      let arrived = 0
      const loops = lists.map(async list => {
        for await (const endpoints of discovery.watch('Arith')) {
          list.push(endpoints.length)
          if (endpoints.every(({ metadata }) => metadata === 'n=1') && ++arrived === lists.length) all()
        }
      })
      expect(await discovery.list('Arith')).toHaveLength(1_000)
      await putAll(harness, addresses, 'n=1')
      await whenAll
      const [readsAfter, watchesAfter] = await counts(harness)
      // One transaction reads both spellings, beside ten that wrote; one stream watches both.
      expect(readsAfter - reads - 10).toBe(1)
      expect(watchesAfter - watches).toBe(1)
      for (const list of lists) {
        expect(list.every(length => length === 1_000)).toBe(true)
        expect(list.length).toBeLessThan(50)
      }
      console.info(`1 000 changes came to each of 100 watchers as ${(lists[0]?.length ?? 0) - 1} lists`)
      const newest = await discovery.list('Arith')
      expect(Object.keys(entriesOf(newest))).toHaveLength(1_000)
      expect(await discovery.list('Arith')).toBe(newest)
      expect(await gateway.figure('etcd_debugging_mvcc_watcher_total')).toBe(2)
      await discovery.close()
      await Promise.all(loops)
    })
  },
)

/** In transactions of 100, etcd's limit being 128. */
async function putAll(harness: Harness, addresses: readonly string[], value: string): Promise<void> {
  for (let i = 0; i < addresses.length; i += 100) {
    const success = addresses.slice(i, i + 100).map(address => ({
      request_put: { key: btoa(harness.key('Arith', address)), value: btoa(value) },
    }))
    await harness.gateway.ask('kv/txn', { success })
  }
}

/** How many transactions and how many watch streams etcd was asked for. */
async function counts(harness: Harness): Promise<readonly [transactions: number, watches: number]> {
  const started = (method: string): Promise<number> =>
    harness.gateway.figure('grpc_server_started_total', `grpc_method="${method}"`)
  return [await started('Txn'), await started('Watch')]
}
