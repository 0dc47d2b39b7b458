import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { atMost, until } from '@rpcx/testing'
import {
  endsUnanswered,
  followsAfterAWipe,
  missesNoChange,
  noticesThatItIsStale,
  SOMEONE,
} from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { consul } from './registry.ts'

describe.runIf(await requireServer('consul'))('A list', () => {
  let server: Server
  beforeAll(async () => {
    server = await startConsul()
  })
  afterAll(() => server.stop())

  test('misses no change between the first read and the watch', async () => {
    await using harness = new Harness(server)
    await missesNoChange(harness, metadata => consul.put(harness, 'Arith', SOMEONE, metadata))
  })

  test.concurrent.each(['down', 'up', 'both'] as const)(
    'is reported as stale within fifteen seconds of a stalled watch: %s',
    async direction => {
      await noticesThatItIsStale(consul, server, { direction, promisedMs: 15_000 })
    },
    60_000,
  )

  test('and an entry move to the next agent when an agent stops, and when one hangs', async () => {
    await using harness = new Harness(server)
    const { raw } = harness
    const [one, two] = [await harness.proxy(), await harness.proxy()]
    const consulServers = [one.address, two.address]
    const discovery = harness.discovery({ consulServers })
    const view = harness.view('Arith', discovery)
    const { address, server: member } = await harness.published('Arith', {
      consulServers,
      metadata: 'n=0',
      ttlMs: 4_000,
    })
    const before = await raw.get(harness.key('Arith', address))
    await view.shows({ [address]: 'n=0' })
    for (const [n, fault] of (['cut', 'cut', 'stall'] as const).entries()) {
      for (const used of [one, two]) {
        if (fault === 'cut') await used.cut()
        else used.stall()
        await until(async () => {
          await member.setMetadata('Arith', `n=${n}`).catch(() => {})
          return (await raw.get(harness.key('Arith', address)))?.value === `n=${n}`
        }, 15_000)
        await view.until(list => list[address] === `n=${n}`)
        await used.heal()
        await until(() => discovery.status('Arith').state === 'fresh', 20_000)
      }
    }
    expect(await raw.get(harness.key('Arith', address))).toMatchObject({
      session: before?.session,
      createIndex: before?.createIndex,
    })
  }, 90_000)

  test('closes with its discovery while Consul does not respond, and leaves no connection behind', async () => {
    await using harness = new Harness(server)
    const proxy = await harness.proxy()
    await endsUnanswered(consul, harness, proxy)
    await until(() => proxy.connections === 0)
  })

  test.each(['consistent', 'stale'] as const)(
    'is read with the requested consistency: %s',
    async consistency => {
      await using harness = new Harness(server)
      const { address } = await harness.published('Arith', { metadata: 'n=1' })
      await harness.view('Arith', harness.discovery({ consistency })).shows({ [address]: 'n=1' })
    },
  )

  test('of an unknown datacenter fails with the reason of Consul', async () => {
    await using harness = new Harness(server)
    const discovery = harness.discovery({ datacenter: 'elsewhere' })
    await expect(discovery.list('Arith', { timeoutMs: 500 })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('500 No path to datacenter') },
    })
    const { address } = await harness.published('Arith')
    await harness.view('Arith', harness.discovery({ datacenter: 'dc1' })).shows({ [address]: '' })
  })
})

describe.runIf(await requireServer('consul'))('A store', () => {
  test('that was restored from a snapshot is watched and written to again, although its index went back', async () => {
    await using server = await startConsul()
    await using harness = new Harness(server)
    const { raw } = harness
    await raw.put(harness.key('Arith', 'tcp@10.0.0.1:1'), 'is=old')
    const url = `http://${server.address}/v1/snapshot`
    const snapshot = Buffer.from(await (await fetch(url)).arrayBuffer())
    const { address, events } = await harness.published('Arith', { metadata: 'n=1' })
    const view = harness.view('Arith')
    for (let n = 0; n < 50; n++) await raw.put(harness.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'n=49' })
    const { mark } = events
    const since = performance.now()
    const restored = await fetch(url, { method: 'PUT', body: snapshot })
    expect(await restored.text()).toBe('')
    expect(restored.status).toBe(200)
    const { at } = await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'is=old' })
    atMost(5_000, 'a restored store is followed again', at - since)
    await events.until(({ event }) => event === 'registered', mark)
    await raw.put(harness.key('Arith', 'tcp@10.0.0.2:2'), '')
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'is=old', 'tcp@10.0.0.2:2': '' })
  })

  test('that was wiped is watched and written to again', async () => {
    await using server = await startConsul()
    await using harness = new Harness(server)
    const { view, address } = await followsAfterAWipe(harness, server, {
      what: 'a wiped store',
      writes: 50,
      write: metadata => consul.put(harness, 'Arith', SOMEONE, metadata),
    })
    await harness.raw.put(harness.key('Arith', 'tcp@10.0.0.2:2'), '')
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.2:2': '' })
    expect((await harness.raw.get(harness.basePath))?.value).toBe('rpcx_path')
  })
})
