import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import dns from 'node:dns'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { systemClock } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { ZooKeeperDriver } from '../src/driver.ts'
import { Cutter } from './cutting-proxy.ts'
import { Harness } from './harness.ts'

const hasIPv6 = Object.values(networkInterfaces()).some(found =>
  found?.some(({ address }) => address === '::1'),
)

describe.runIf(await requireServer('zookeeper'))('A session', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())
  afterEach(() => void vi.restoreAllMocks())

  // With ticks of 200 ms.
  test.each([
    [60_000, 4_000],
    [1_000, 1_000],
    [3_000, 3_000],
  ])('that asked for %i ms lasts the %i ms that ZooKeeper grants, and reports it', async (asked, granted) => {
    await using harness = await Harness.open(zooKeeper)
    const { basePath, servers: zooKeeperServers } = harness
    const events: unknown[] = []
    const hear = (message: unknown): void => void events.push(message)
    subscribe('rpcx:zookeeper:timeoutNegotiated', hear)
    const driver = new ZooKeeperDriver({ basePath, zooKeeperServers, sessionTimeoutMs: asked })
    const session = await driver.open(AbortSignal.timeout(5_000), systemClock)
    unsubscribe('rpcx:zookeeper:timeoutNegotiated', hear)
    expect(session.ttlMs).toBe(granted)
    expect(events).toEqual(
      asked === granted ? [] : [{ server: zooKeeper.address, askedMs: asked, grantedMs: granted }],
    )
    await session.close(AbortSignal.timeout(5_000))
  })

  test('survives a loop that is blocked for longer than the time limit of a reply, with its open requests', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { basePath, servers: zooKeeperServers } = harness
    const driver = new ZooKeeperDriver({ basePath, zooKeeperServers, sessionTimeoutMs: 3_000 })
    const session = await driver.open(AbortSignal.timeout(5_000), systemClock)
    const stopping = new AbortController()
    let looks = 0
    const saw = (): void => {
      looks++
      stopping.abort()
    }
    const watching = session.watchEntry('Arith', 'tcp@10.0.0.1:1', saw, stopping.signal)
    // By then it has sent its request.
    for (let turn = 0; turn < 50; turn++) await null
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_300)
    await watching
    expect(looks).toBe(1)
    await session.close(AbortSignal.timeout(5_000))
  })

  test('accepts metadata up to the limit, and replaces them', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { server, address } = await harness.published('Arith', { metadata: `n=${'0'.repeat(999_998)}` })
    const path = harness.path('Arith', address)
    expect((await harness.raw.get(path))?.data).toHaveLength(1_000_000)
    await server.setMetadata('Arith', `n=${'1'.repeat(999_998)}`)
    expect((await harness.raw.get(path))?.data.slice(0, 4)).toBe('n=11')
  })

  test.runIf(hasIPv6)('is reached at [::1]', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { port } = harness.open(await Cutter.open(zooKeeper.address, '::1'))
    const { address } = await harness.published('Arith', { zooKeeperServers: `[::1]:${port}` })
    expect(await harness.raw.children(harness.path('Arith'))).toEqual([address])
  })

  test.runIf(hasIPv6).each(['refuses', 'hangs'] as const)(
    'is opened by a name with two addresses, the first of which %s',
    async how => {
      await using harness = await Harness.open(zooKeeper)
      const port = zooKeeper.address.split(':')[1]
      if (how === 'hangs') {
        const hanging = createServer().listen(Number(port), '::1')
        await once(hanging, 'listening')
        harness.open({ close: async () => void hanging.close() })
      }
      const all = ['::1', '127.0.0.1'].map((address, i) => ({ address, family: i === 0 ? 6 : 4 }))
      const named = ((...args: unknown[]) =>
        (args.at(-1) as (...answer: unknown[]) => void)(null, all)) as never
      vi.spyOn(dns, 'lookup').mockImplementation(named)
      const discovery = harness.discovery({ zooKeeperServers: `zoo.example:${port}` })
      expect(await discovery.list('Arith', { timeoutMs: 10_000 })).toEqual([])
    },
  )
})
