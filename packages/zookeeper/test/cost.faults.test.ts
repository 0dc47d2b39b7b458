import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { atMost, Log, median } from '@rpcx/testing'
import type { Client } from 'node-zookeeper-client'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Harness } from './harness.ts'
import { RawClient } from './raw-client.ts'

const CHANGED = 'tcp@10.0.0.0:1'

describe.runIf(await requireServer('zookeeper'))(
  'A change is seen within 1.5 times what a bare client needs',
  () => {
    let zooKeeper: Server
    beforeAll(async () => {
      zooKeeper = await startZooKeeper()
    })
    afterAll(() => zooKeeper.stop())

    test.each([
      [1, 1],
      [1_000, 100],
    ])('to watch and read an entry, with %i servers and %i watchers', async (servers, watchers) => {
      await using harness = await Harness.open(zooKeeper)
      const { raw } = harness
      const addresses = Array.from({ length: servers }, (_, i) => `tcp@10.0.${i >> 8}.${i & 255}:1`)
      await raw.putAll(harness.path('Arith'), addresses, 'n=0')
      const discovery = harness.discovery()
      const seen = new Log<string>()
      for (let watcher = 1; watcher <= watchers; watcher++) {
        void (async () => {
          // The slowest watcher counts.
          for await (const endpoints of discovery.watch('Arith')) {
            if (watcher < watchers) continue
            seen.add(endpoints.find(({ address }) => address === CHANGED)?.metadata ?? '')
          }
        })()
      }
      await seen.until(() => true)
      const bare = harness.open(await RawClient.open(zooKeeper.address))
      const bareSeen = new Log<string>()
      watchData(bare.client, harness.path('Arith', CHANGED), data => bareSeen.add(data))
      await bareSeen.until(() => true)
      const [ours, theirs] = await race(seen, bareSeen, n =>
        raw.edit(harness.path('Arith', CHANGED), `n=${n}`),
      )
      report(`metadata of one of ${servers}`, ours, theirs)
    })

    test('to watch the children and read a new one', async () => {
      await using harness = await Harness.open(zooKeeper)
      const { raw } = harness
      await raw.put(harness.path('Arith'), 'Arith')
      const discovery = harness.discovery()
      const seen = new Log<string>()
      void (async () => {
        for await (const endpoints of discovery.watch('Arith')) seen.add(endpoints[0]?.metadata ?? '')
      })()
      await seen.until(() => true)
      const bare = harness.open(await RawClient.open(zooKeeper.address))
      const bareSeen = new Log<string>()
      await bare.watchChildren(harness.path('Arith'), ([data = '']) => bareSeen.add(data))
      const path = harness.path('Arith', CHANGED)
      const [ours, theirs] = await race(seen, bareSeen, async n => {
        await raw.remove(path)
        await seen.until(data => data === '', Math.max(0, seen.mark - 1))
        await bareSeen.until(data => data === '', Math.max(0, bareSeen.mark - 1))
        return () => raw.put(path, `n=${n}`)
      })
      report('a new server', ours, theirs)
    })
  },
)

/** Resolves to the milliseconds until each of the two shows `n=…`. The preparation of a change does not count. */
async function race(
  ours: Log<string>,
  theirs: Log<string>,
  change: (n: number) => Promise<void | (() => Promise<void>)>,
): Promise<readonly [ours: number[], theirs: number[]]> {
  const took: [number[], number[]] = [[], []]
  for (let n = 1; n <= 60; n++) {
    const marks = [ours.mark, theirs.mark]
    let since = performance.now()
    const prepared = await change(n)
    if (prepared) {
      since = performance.now()
      await prepared()
    }
    took[0].push((await ours.until(data => data === `n=${n}`, marks[0])).at - since)
    took[1].push((await theirs.until(data => data === `n=${n}`, marks[1])).at - since)
  }
  return took
}

function report(what: string, ours: readonly number[], theirs: readonly number[]): void {
  // The first ten rounds warm up.
  const [our, their] = [median(ours.slice(10)), median(theirs.slice(10))]
  console.info(`${what}: seen after ${our.toFixed(2)} ms, by a bare client after ${their.toFixed(2)} ms`)
  atMost(1.5, `${what}, compared with a bare client`, our / their, 'times')
}

function watchData(client: Client, path: string, saw: (data: string) => void): void {
  client.getData(
    path,
    () => watchData(client, path, saw),
    (error, data) => {
      if (!error) saw(data.toString())
    },
  )
}
