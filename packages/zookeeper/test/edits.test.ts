import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { atMost, Log, median, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('zookeeper'))('The metadata of an entry', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('is seen within a second of being set, never through an empty list, also by clients that watch only the children', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { server, address } = await harness.published('Arith', { metadata: 'n=0' })
    const view = harness.view('Arith')
    await view.shows({ [address]: 'n=0' })
    const seen = new Log<readonly string[]>()
    await harness.raw.watchChildren(harness.path('Arith'), data => seen.add(data))
    const took: number[] = []
    for (let n = 1; n <= 20; n++) {
      const since = performance.now()
      await server.setMetadata('Arith', `n=${n}`)
      took.push((await view.shows({ [address]: `n=${n}` })).at - since)
      // Go's client reads the children when their watch fires, and sees the metadata then.
      await seen.until(([data]) => data === `n=${n}`)
    }
    console.info(`setMetadata is seen: median ${median(took).toFixed(1)} ms`)
    atMost(1_000, 'setMetadata is seen (longest)', Math.max(...took))
    for (const data of seen.all) expect(data).toHaveLength(1)
    for (const list of view.all) expect(Object.keys(list)).toEqual([address])
  })

  test('with new calls and connections wakes no client that watches the children', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { raw } = harness
    let calls = 0
    const metrics = { calls: { rateMean: () => calls }, connections: { rateMean: () => 0 } }
    const options = { metadata: 'n=0', metrics, updateIntervalMs: 50 }
    const { server, address } = await harness.published('Arith', options)
    const path = harness.path('Arith', address)
    const holds = (text: string): Promise<unknown> =>
      until(async () => (await raw.get(path))?.data.includes(text))
    await holds('calls=0.00')
    const seen = new Log<readonly string[]>()
    await raw.watchChildren(harness.path('Arith'), data => seen.add(data))
    for (calls = 1; calls <= 5; calls++) await holds(`calls=${calls}.00`)
    // A change that every client should see follows the ticks, and is the first one that they see.
    await server.setMetadata('Arith', 'n=1')
    await seen.until(([data]) => data?.includes('n=1') === true)
    expect(seen.all).toHaveLength(2)
  })

  test('keeps an edit by others, until the program sets the same key', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { raw } = harness
    const { server, address, events } = await harness.published('Arith', { metadata: 'weight=10&group=g1' })
    const path = harness.path('Arith', address)
    const { owner } = (await raw.get(path)) ?? {}
    await raw.edit(path, 'group=g1&state=inactive&weight=3')
    await harness.view('Arith').shows({ [address]: 'group=g1&state=inactive&weight=3' })
    await until(async () => {
      await server.setMetadata('Arith', 'group=g2')
      return (await raw.get(path))?.data === 'group=g2&state=inactive&weight=3'
    })
    await server.setMetadata('Arith', 'weight=5&state=active')
    expect(await raw.get(path)).toMatchObject({ data: 'weight=5&state=active', owner })
    expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
  })

  test('keeps an edit by others when the session is lost', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { raw } = harness
    const { address, events } = await harness.published('Arith', { metadata: 'weight=10' })
    const path = harness.path('Arith', address)
    await raw.edit(path, 'weight=10&state=inactive')
    // The server has seen the edit once it has written its keys in order.
    await until(async () => (await raw.get(path))?.data === 'state=inactive&weight=10')
    const { mark } = events
    await raw.endSession(path)
    await events.until(({ event }) => event === 'registered', mark)
    expect((await raw.get(path))?.data).toBe('state=inactive&weight=10')
  })

  test('is merged when others and the program write at once', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { raw } = harness
    const { server, address } = await harness.published('Arith', { metadata: 'ours=0' })
    const path = harness.path('Arith', address)
    for (let n = 1; n <= 100; n++) {
      await Promise.all([
        server.setMetadata('Arith', `ours=${n}`),
        raw.edit(path, `ours=${n - 1}&theirs=${n}`),
      ])
      // In any order: the edit is kept, and our value is what the program sets after it has seen the edit.
      await until(async () => {
        await server.setMetadata('Arith', `ours=${n}`)
        return (await raw.get(path))?.data === `ours=${n}&theirs=${n}`
      }, 3_000)
    }
  })
})
