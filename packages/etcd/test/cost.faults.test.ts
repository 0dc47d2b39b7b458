import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { XClient } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import type { EchoService } from '@rpcx/testing'
import { atMost, Log, median } from '@rpcx/testing'
import { Etcd3 } from 'etcd3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('etcd'))('The cost of a change', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  test('with a thousand servers and a hundred watchers is at most 1.5 times that of a bare watcher', async () => {
    await using harness = new Harness(etcd)
    await putAll(harness, 1_000)
    const discovery = harness.discovery()
    const seen = new Log<string>()
    const changed = 'tcp@10.0.0.0:1'
    for (let watcher = 0; watcher < 100; watcher++) {
      void (async () => {
        // The slowest watcher counts.
        for await (const endpoints of discovery.watch('Arith')) {
          if (watcher === 99) seen.add(endpoints.find(({ address }) => address === changed)?.metadata ?? '')
        }
      })()
    }
    await seen.until(() => true)
    const bare = new Etcd3({ hosts: etcd.address })
    const watcher = await bare
      .watch()
      .prefix(`${harness.key('Arith')}/`)
      .create()
    const bareSeen = new Log<string>()
    watcher.on('put', ({ value }) => bareSeen.add(value.toString()))
    const [ours, theirs]: [number[], number[]] = [[], []]
    for (let n = 1; n <= 60; n++) {
      const since = performance.now()
      const marks = [seen.mark, bareSeen.mark]
      await harness.gateway.put(harness.key('Arith', changed), `n=${n}`)
      ours.push((await seen.until(text => text === `n=${n}`, marks[0])).at - since)
      theirs.push((await bareSeen.until(text => text === `n=${n}`, marks[1])).at - since)
    }
    await watcher.cancel()
    bare.close()
    // The first ten rounds warm up.
    const [our, their] = [median(ours.slice(10)), median(theirs.slice(10))]
    console.info(
      `a change is seen after ${our.toFixed(2)} ms, by a bare watcher after ${their.toFixed(2)} ms`,
    )
    atMost(1.5, 'in the list of 1 000, compared with a bare watcher', our / their, 'times')
  })

  test('with ten thousand servers is 20 ms of the event loop, and delays no call', async () => {
    await using harness = new Harness(etcd)
    const { address } = await harness.published('Arith')
    await putAll(harness, 10_000, 'state=inactive')
    const discovery = harness.discovery()
    const seen = new Log<string>()
    const changed = 'tcp@10.0.0.0:1'
    void (async () => {
      for await (const endpoints of discovery.watch('Arith'))
        seen.add(endpoints.find(found => found.address === changed)?.metadata ?? '')
    })()
    const client = harness.open(new XClient<EchoService>('Arith', discovery))
    await client.call('Echo', 1)
    const costs: number[] = []
    const waits: number[] = []
    const delays = monitorEventLoopDelay({ resolution: 1 })
    delays.enable()
    for (let n = 0; n < 30; n++) {
      const mark = seen.mark
      const before = performance.eventLoopUtilization()
      await harness.gateway.put(harness.key('Arith', changed), `state=inactive&n=${n}`)
      const since = performance.now()
      await client.call('Echo', n)
      waits.push(performance.now() - since)
      await seen.until(text => text === `state=inactive&n=${n}`, mark)
      costs.push(performance.eventLoopUtilization(before).active)
    }
    delays.disable()
    expect(address).toBeDefined()
    console.info(`longest delay of the loop ${(delays.max / 1e6).toFixed(1)} ms`)
    atMost(20, 'an update of one in 10 000, with its call and its put (median)', median(costs))
    atMost(20, 'a call beside it (median)', median(waits))
  })
})

/** In transactions of 100, etcd's limit being 128. */
async function putAll(harness: Harness, count: number, value = 'n=0'): Promise<void> {
  const addresses = Array.from(
    { length: count },
    (_, i) => `tcp@10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`,
  )
  for (let i = 0; i < count; i += 100) {
    const success = addresses.slice(i, i + 100).map(address => ({
      request_put: { key: btoa(harness.key('Arith', address)), value: btoa(value) },
    }))
    await harness.gateway.ask('kv/txn', { success })
  }
}
