import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import { BareServer } from '../bare-peer.ts'
import { blackHole } from '../black-hole.ts'
import { Dials } from '../dials.ts'
import { clientOf, closing, failure, portOf, serving } from '../helpers.ts'
import { until } from '../until.ts'

interface Any {
  method(args?: unknown): unknown
}

const good = { Any: { method: () => 'good' } }

/** Returns a port without a listener, and a log of the attempts to connect to it. */
async function deserted(): Promise<{ port: number; address: string; dials: Dials }> {
  const server = await BareServer.listen()
  const { port, address } = server
  await server.close()
  return { port, address, dials: closing(new Dials(port)) }
}

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => time - (times[i] as number))
}

describe('a server that refuses connections', () => {
  test('is not dialled again within its back-off, which grows', async () => {
    const bad = await deserted()
    const client = clientOf<Any>('Any', [await serving(good), bad], { failMode: 'failover' })
    while (bad.dials.count < 4) expect(await client.call('method')).toBe('good')
    const [first, second, third] = gaps(bad.dials.at) as [number, number, number]
    expect(first).toBeGreaterThanOrEqual(49)
    expect(second).toBeGreaterThanOrEqual(99)
    expect(third).toBeGreaterThanOrEqual(199)
  })

  test('by resetting each of them is not dialled again within its back-off', async () => {
    const bad = closing(await BareServer.listen({ onConnection: socket => void socket.resetAndDestroy() }))
    const options = { failMode: 'failover', idempotent: true } as const
    const client = clientOf<Any>('Any', [await serving(good), bad], options)
    while (bad.acceptedAt.length < 3) expect(await client.call('method')).toBe('good')
    const [first, second] = gaps(bad.acceptedAt) as [number, number]
    expect(first).toBeGreaterThanOrEqual(45)
    expect(second).toBeGreaterThanOrEqual(95)
  })

  test('leaves its share of the calls to all other servers equally', async () => {
    const names = ['memu@spread-a', 'memu@spread-b', 'memu@spread-c']
    const calls = new Map<string, number>()
    for (const name of names.slice(1)) {
      const method = (): void => void calls.set(name, (calls.get(name) ?? 0) + 1)
      await serving({ Any: { method } }, {}, ['memu', name.slice('memu@'.length)])
    }
    const servers = names.map(address => ({ address }))
    const client = clientOf<Any>('Any', servers, { failMode: 'failover', selectMode: 'roundRobin' })
    const { attempts } = await client.invoke('method')
    expect(attempts).toBe(2)
    calls.clear()
    for (let i = 0; i < 12; i++) await client.call('method')
    expect([...calls].sort()).toEqual(names.slice(1).map(name => [name, 6]))
  })

  test('to many calls at once has the same back-off as after one', async () => {
    let refused = 0
    const busy = await BareServer.listen({
      onMessage(message, peer) {
        refused++
        const metadata = { [ReservedKey.error]: 'busy', [ReservedKey.code]: 'ERR_RPCX_NOT_EXECUTED' }
        peer.reply(message, { flags: Flag.error, metadata })
      },
    })
    const client = clientOf<Any>('Any', [await serving(good), closing(busy)], { failMode: 'failover' })
    await Promise.all(Array.from({ length: 100 }, () => client.call('method')))
    expect(refused).toBeGreaterThan(10)
    const before = refused
    const start = performance.now()
    while (refused === before) await client.call('method')
    // After 10 failures in a row it would be at least 2.5 s.
    expect(performance.now() - start).toBeLessThan(1_500)
  })
})

describe('a dial that hangs', () => {
  test('delays no call to another server, and its own calls move to other servers long before connectTimeoutMs', async () => {
    const port = await blackHole()
    const dials = closing(new Dials(port))
    const server = await serving(good)
    const client = clientOf<Any>('Any', [{ address: `tcp@127.0.0.1:${port}` }, server], {
      failMode: 'failover',
      selectMode: 'roundRobin',
      connectTimeoutMs: 10_000,
    })
    const start = performance.now()
    const calls = Array.from({ length: 20 }, async () => {
      const { endpoint } = await client.invoke('method')
      return { endpoint, tookMs: performance.now() - start }
    })
    const settled = await Promise.all(calls)
    expect(settled.map(({ endpoint }) => endpoint)).toEqual(Array(20).fill(server.address))
    expect(dials.count).toBe(1)
    for (const { tookMs } of settled) expect(tookMs).toBeLessThan(5_000)
    // The dial still runs, and no call waits for it any more.
    for (let i = 0; i < 20; i++) expect((await client.invoke('method')).endpoint).toBe(server.address)
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  test('is waited for if there is no other server, also under failfast', async () => {
    const address = `tcp@127.0.0.1:${await blackHole()}`
    const client = clientOf<Any>('Any', [{ address }])
    const start = performance.now()
    const first = failure(client.call('method', 1, { timeoutMs: 300 }))
    // By then, calls no longer wait for the dial.
    expect(await failure(client.call('method', 1, { timeoutMs: 150 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
    })
    expect(await failure(client.call('method', 1, { timeoutMs: 50 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
    })
    expect(await first).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    expect(performance.now() - start).toBeGreaterThanOrEqual(299)
  })
})

describe('with all servers in back-off', () => {
  test('one call dials the server whose back-off ends first, and the others share that dial', async () => {
    const servers = [await deserted(), await deserted()] as const
    const client = clientOf<Any>('Any', servers, { failMode: 'failover', retries: 1 })
    await failure(client.call('method'))
    const dials = (): number => servers[0].dials.count + servers[1].dials.count
    expect(dials()).toBe(2)
    const server = await serving(good, {}, ['tcp', `127.0.0.1:${servers[0].port}`])
    const calls = Array.from({ length: 10 }, () => client.invoke('method'))
    const endpoints = (await Promise.all(calls)).map(({ endpoint }) => endpoint)
    expect(endpoints).toEqual(Array(10).fill(server.address))
    expect(dials()).toBeLessThanOrEqual(4)
  })

  test('a first attempt does not wait for the back-off that an earlier call waits for', async () => {
    const { port, address, dials } = await deserted()
    const client = clientOf<Any>('Any', [{ address }], { failMode: 'failtry', retries: 100 })
    const waiting = client.call('method')
    // The back-off after the fourth failure is at least 400 ms.
    await until(() => dials.count === 4)
    await serving(good, {}, ['tcp', `127.0.0.1:${port}`])
    const start = performance.now()
    expect(await client.call('method')).toBe('good')
    expect(performance.now() - start).toBeLessThan(300)
    expect(await waiting).toBe('good')
  })

  test('a server that restarts on the same port is used again within about a second', async () => {
    const first = await serving(good)
    const port = portOf(first)
    const client = clientOf<Any>('Any', [first], { failMode: 'failtry', retries: 100 })
    expect(await client.call('method')).toBe('good')
    await first.close()
    const dials = closing(new Dials(port))
    const call = client.call('method')
    // By now the back-off has reached its longest.
    await until(() => dials.count === 6)
    await serving({ Any: { method: () => 'restarted' } }, {}, ['tcp', `127.0.0.1:${port}`])
    const start = performance.now()
    expect(await call).toBe('restarted')
    expect(performance.now() - start).toBeLessThan(1_500)
  })

  test('failfast uses it again too, although its calls never wait', async () => {
    const first = await serving(good)
    const port = portOf(first)
    const client = clientOf<Any>('Any', [first])
    await client.call('method')
    await first.close()
    for (let i = 0; i < 100; i++) {
      expect(await failure(client.call('method'))).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
    }
    await serving(good, {}, ['tcp', `127.0.0.1:${port}`])
    const start = performance.now()
    const isBack = (): Promise<boolean> => client.call('method').then(Boolean, () => false)
    for (; !(await isBack()); await turn()) expect(performance.now() - start).toBeLessThan(1_500)
  })
})
