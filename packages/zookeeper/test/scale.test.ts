import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { Log } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('zookeeper'))(
  'A thousand servers and a hundred watchers of one process',
  () => {
    let zooKeeper: Server
    beforeAll(async () => {
      zooKeeper = await startZooKeeper()
    })
    afterAll(() => zooKeeper.stop())

    test('need one read and one feed, and changes come in batches', async () => {
      await using harness = await Harness.open(zooKeeper)
      const { raw } = harness
      const addresses = Array.from({ length: 1_000 }, (_, i) => `tcp@10.0.${i >> 8}.${i & 255}:1`)
      await raw.putAll(harness.path('Arith'), addresses, 'n=0')
      const discovery = harness.discovery()
      const lists = Array.from({ length: 100 }, () => [] as number[])
      const complete = new Log<number>()
      const loops = lists.map(async (list, watcher) => {
        for await (const endpoints of discovery.watch('Arith')) {
          list.push(endpoints.length)
          if (endpoints.every(({ metadata }) => metadata === 'n=1')) complete.add(watcher)
        }
      })
      const since = performance.now()
      expect(await discovery.list('Arith')).toHaveLength(1_000)
      console.info(`a list of 1 000 is read in ${(performance.now() - since).toFixed(0)} ms`)
      const first = await raw.requests()
      // One read of the children and one of each child, beside a handshake and some pings.
      expect(first).toBeGreaterThanOrEqual(1_001)
      expect(first).toBeLessThan(1_020)
      expect(await raw.watches()).toBe(1_001)
      await Promise.all(addresses.map(address => raw.edit(harness.path('Arith', address), 'n=1')))
      await complete.until(() => complete.mark === lists.length)
      for (const list of lists) {
        expect(list.every(length => length === 1_000)).toBe(true)
        expect(list.length).toBeLessThan(100)
      }
      console.info(`1 000 changes came to each of 100 watchers as ${(lists[0]?.length ?? 0) - 1} lists`)
      const newest = await discovery.list('Arith')
      expect(await discovery.list('Arith')).toBe(newest)
      await discovery.close()
      await Promise.all(loops)
    })

    test('cause reads only of what has changed', async () => {
      await using harness = await Harness.open(zooKeeper)
      const { raw } = harness
      const addresses = Array.from({ length: 1_000 }, (_, i) => `tcp@10.0.${i >> 8}.${i & 255}:1`)
      await raw.putAll(harness.path('Arith'), addresses, 'n=0')
      const view = harness.view('Arith')
      await view.until(() => true)
      const [changing, leaving, coming] = [addresses[0] as string, addresses[1] as string, 'tcp@10.1.0.0:1']
      const read = await raw.requests()
      await raw.edit(harness.path('Arith', changing), 'n=1')
      await view.until(list => list[changing] === 'n=1')
      await raw.remove(harness.path('Arith', leaving))
      await view.until(list => !(leaving in list))
      await raw.put(harness.path('Arith', coming), 'n=2')
      await view.until(list => list[coming] === 'n=2')
      // One read for the change, at most two for each of the others, and pings.
      expect((await raw.requests()) - read).toBeLessThan(20)
      expect(Object.keys(view.last ?? {})).toHaveLength(1_000)
    })

    test('are read at the first attempt, also when there are 30 000', async () => {
      await using harness = await Harness.open(zooKeeper)
      const { raw } = harness
      const addresses = Array.from(
        { length: 30_000 },
        (_, i) => `tcp@10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`,
      )
      for (let from = 0; from < addresses.length; from += 2_000) {
        await raw.putAll(harness.path('Arith'), addresses.slice(from, from + 2_000), 'n=0')
      }
      const discovery = harness.discovery()
      const failures: string[] = []
      discovery.on('registryDown', ({ error }) => failures.push(error.message))
      const since = performance.now()
      expect(await discovery.list('Arith')).toHaveLength(30_000)
      console.info(`a list of 30 000 is read in ${(performance.now() - since).toFixed(0)} ms`)
      expect(failures).toEqual([])
    }, 120_000)
  },
)
