import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { atMost, Log, median } from '@rpcx/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('consul'))('The cost of a change', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test('with a hundred servers and a hundred watchers is at most 1.5 times that of a bare blocking query', async () => {
    await using harness = new Harness(consul)
    const { raw } = harness
    const prefix = `${harness.key('Arith')}/`
    const changed = 'tcp@10.0.0.1:1'
    const key = harness.key('Arith', changed)
    for (let n = 1; n <= 100; n++) await raw.put(`${prefix}tcp@10.0.0.${n}:1`, 'n=0')

    // Runs alone in this process and before ours, so that neither waits for the other.
    let index = await raw.index(prefix)
    const bare = await medianOf(60, async n => {
      const change = raw.change(prefix, index)
      await sleep(PAUSE_MS)
      const since = performance.now()
      const put = raw.put(key, `bare=${n}`)
      index = await change
      const took = performance.now() - since
      await put
      return took
    })

    const discovery = harness.discovery()
    const seen = new Log<string>()
    for (let watcher = 0; watcher < 100; watcher++) {
      void (async () => {
        // The slowest watcher counts.
        for await (const endpoints of discovery.watch('Arith')) {
          if (watcher === 99) seen.add(endpoints.find(({ address }) => address === changed)?.metadata ?? '')
        }
      })()
    }
    await seen.until(() => true)
    const ours = await medianOf(60, async n => {
      const { mark } = seen
      await sleep(PAUSE_MS)
      const since = performance.now()
      const put = raw.put(key, `n=${n}`)
      const { at } = await seen.until(text => text === `n=${n}`, mark)
      await put
      return at - since
    })
    console.info(`a change is seen after ${ours.toFixed(2)} ms, by a bare query after ${bare.toFixed(2)} ms`)
    atMost(1.5, 'in a list, compared with a bare blocking query', ours / bare, 'times')
  }, 60_000)
})

/** By then, all blocking queries wait. A list is read at most four times a second in the long run. */
const PAUSE_MS = 260

/** Measures this often. The first ten rounds warm up. */
async function medianOf(times: number, measure: (n: number) => Promise<number>): Promise<number> {
  const figures: number[] = []
  for (let n = 1; n <= times; n++) figures.push(await measure(n))
  return median(figures.slice(10))
}
