import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { atMost, median, until, View } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Front } from './fault-proxy.ts'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('consul'))('Many', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test('clients of one process that watch a thousand servers share one query, and get changes in batches', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Front.open(consul.address))
    const addresses = Array.from({ length: 1_000 }, (_, i) => `tcp@10.0.${i >> 8}.${i & 255}:1`)
    await putAll(harness, addresses, 'n=0')
    const discovery = harness.discovery({ consulServers: front.address })
    const lists = Array.from({ length: 100 }, () => [] as number[])
    let arrived = 0
    let all: () => void = () => {}
    const whenAll = new Promise<void>(resolve => (all = resolve))
    const loops = lists.map(async list => {
      for await (const endpoints of discovery.watch('Arith')) {
        list.push(endpoints.length)
        if (endpoints.every(({ metadata }) => metadata === 'n=1') && ++arrived === lists.length) all()
      }
    })
    expect(await discovery.list('Arith')).toHaveLength(1_000)
    await putAll(harness, addresses, 'n=1')
    await whenAll
    // One probe, one list, and at most one query for each of 16 transactions.
    expect(front.questions).toBeLessThanOrEqual(18 + 4)
    expect(front.mostWaiting).toBe(1)
    for (const list of lists) {
      expect(list.every(length => length === 1_000)).toBe(true)
      expect(list.length).toBeLessThan(50)
    }
    console.info(`1 000 changes came to each of 100 watchers as ${(lists[0]?.length ?? 0) - 1} lists`)
    const newest = await discovery.list('Arith')
    expect(await discovery.list('Arith')).toBe(newest)
    await discovery.close()
    await Promise.all(loops)
  })

  test('services of one process share 12 blocking queries, and each change is seen within three seconds', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Front.open(consul.address))
    const through = { consulServers: front.address, ttlMs: 10_000 }
    const services = Array.from({ length: 300 }, (_, n) => `S${n}`)
    const { server, address, events } = await harness.member(services[0] as string, through)
    for (const service of services.slice(1)) server.registerName(service, { Echo: () => 1 })
    await server.published()
    const discovery = harness.discovery({ consulServers: front.address })
    const views = services.map(service => new View(discovery, service))
    for (const view of views) await view.shows({ [address]: '' })

    const took: number[] = []
    for (let n = 0; n < 300; n += 10) {
      const since = performance.now()
      await server.setMetadata(services[n] as string, `n=${n}`)
      took.push(((await views[n]?.shows({ [address]: `n=${n}` }))?.at ?? 0) - since)
    }
    const key = harness.key('S7', address)
    let since = performance.now()
    await harness.raw.remove(key)
    await until(async () => (await harness.raw.get(key)) !== undefined)
    console.info(`deleted by hand among 300, back after ${(performance.now() - since).toFixed(0)} ms`)
    console.info(`a change among 300 is seen after ${median(took).toFixed(0)} ms (median)`)
    // 600 watch: their own entries and the lists.
    atMost(3_000, 'a change among 600 that watch (longest of 30)', Math.max(...took))

    since = performance.now()
    const before = [front.questions, process.cpuUsage()] as const
    await new Promise(resolve => setTimeout(resolve, 4_000))
    const seconds = (performance.now() - since) / 1_000
    const { user, system } = process.cpuUsage(before[1])
    console.info(
      `at rest: ${((front.questions - before[0]) / seconds).toFixed(0)} requests a second, ` +
        `${((user + system) / 1e4 / seconds).toFixed(1)} % of a core (with the front that counts them)`,
    )
    expect(front.mostWaiting).toBeLessThanOrEqual(12)
    expect(front.mostWaiting).toBeGreaterThan(10)
    expect(front.connections).toBeLessThanOrEqual(16)
    // Only the deleted entries changed: Consul was never down.
    const others = events.all.filter(({ event }) => event !== 'registered')
    expect(others.map(({ event, service }) => `${event} ${service}`)).toEqual(['lost S7'])
    await server.close()
    expect(await harness.raw.sessions()).toEqual([])
  })
})

/** In transactions of 64, Consul's limit. */
async function putAll(harness: Harness, addresses: readonly string[], value: string): Promise<void> {
  for (let i = 0; i < addresses.length; i += 64) {
    const steps = addresses.slice(i, i + 64).map(address => ({
      KV: { Verb: 'set', Key: harness.key('Arith', address), Value: btoa(value) },
    }))
    await harness.raw.ask('PUT', 'txn', JSON.stringify(steps))
  }
}
