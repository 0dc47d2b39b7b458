import type { ServerOptions } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ReservedKey } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, portOf, serving } from '../helpers.ts'
import { until } from '../until.ts'

/** Starts a server whose calls run until the test releases them, one by one. */
async function holding(options: ServerOptions) {
  const held: Gate<string>[] = []
  const hold = (): Promise<string> => {
    const gate = new Gate<string>()
    held.push(gate)
    return gate.opened
  }
  const service = { hold, sync: () => 'sync' }
  const server = await serving({ Slow: service, Other: service }, options)
  const peer = async (): Promise<BarePeer> => closing(await BarePeer.connect(portOf(server)))
  return { server, held, peer }
}

function call(
  seq: number,
  options: { service?: string; method?: string; metadata?: Record<string, string> } = {},
) {
  return frame({ seq, service: 'Slow', method: 'hold', payload: 'null', ...options })
}

function codeOf(message: Message): string | undefined {
  return message.metadataValue(ReservedKey.code)
}

describe('maxConcurrentCalls', () => {
  test('lets further calls wait until one has ended, and rejects those beyond maxQueuedCalls', async () => {
    const { server, held, peer } = await holding({ maxConcurrentCalls: 2, maxQueuedCalls: 1 })
    const client = await peer()
    for (let seq = 1; seq <= 4; seq++) client.send(call(seq))
    const refused = await client.message(0)
    expect(refused.seq).toBe(4)
    expect(codeOf(refused)).toBe('ERR_RPCX_NOT_EXECUTED')
    expect(refused.metadataValue(ReservedKey.error)).toBe('rpcx: the server is overloaded: too many calls')
    expect(held).toHaveLength(2)
    expect(server.metrics).toMatchObject({ inFlight: 2, queued: 1 })
    held[1]?.open('second')
    expect((await client.message(1)).seq).toBe(2)
    await until(() => held.length === 3)
    held[2]?.open('third')
    expect((await client.message(2)).seq).toBe(3)
    expect(server.metrics).toMatchObject({ inFlight: 1, queued: 0 })
  })

  test('counts the calls of all connections, which take turns', async () => {
    const { server, held, peer } = await holding({ maxConcurrentCalls: 1 })
    const greedy = await peer()
    for (let seq = 1; seq <= 5; seq++) greedy.send(call(seq))
    await until(() => server.metrics.queued === 4)
    const modest = await peer()
    modest.send(call(1))
    await until(() => server.metrics.queued === 5)
    for (let ended = 0; ended < 3; ended++) {
      await until(() => held.length === ended + 1)
      held[ended]?.open('done')
    }
    expect((await modest.message(0)).seq).toBe(1)
    expect(greedy.messages.map(({ seq }) => seq)).toEqual([1, 2])
  })

  test('rejects the newest call of the connection with the most waiting calls', async () => {
    const { server, held, peer } = await holding({ maxConcurrentCalls: 1, maxQueuedCalls: 4 })
    const greedy = await peer()
    for (let seq = 1; seq <= 5; seq++) greedy.send(call(seq))
    await until(() => server.metrics.queued === 4)
    const modest = await peer()
    for (let seq = 1; seq <= 3; seq++) modest.send(call(seq))
    // Two each, which is as even as possible.
    expect((await modest.message(0)).seq).toBe(3)
    await greedy.message(1)
    expect(greedy.messages.map(({ seq }) => seq)).toEqual([5, 4])
    for (const message of greedy.messages) expect(codeOf(message)).toBe('ERR_RPCX_NOT_EXECUTED')
    expect(server.metrics.queued).toBe(4)
    for (let ended = 0; ended < 5; ended++) {
      await until(() => held.length === ended + 1)
      held[ended]?.open('done')
    }
    await Promise.all([greedy.message(4), modest.message(2)])
    expect(greedy.messages.slice(2).map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(modest.messages.slice(1).map(({ seq }) => seq)).toEqual([1, 2])
  })

  test('does not delay synchronous methods', async () => {
    const { server, peer } = await holding({ maxConcurrentCalls: 1, maxQueuedCalls: 0 })
    const client = await peer()
    client.send(Buffer.concat([1, 2, 3].map(seq => call(seq, { method: 'sync' }))))
    expect((await client.message(2)).isError).toBe(false)
    expect(server.metrics.inFlight).toBe(0)
  })

  test('rejects at once a call that would not run before its deadline', async () => {
    const { held, peer } = await holding({ maxConcurrentCalls: 1 })
    const client = await peer()
    const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
    for (let seq = 1; seq <= 8; seq++) client.send(call(seq))
    for (let ended = 0; ended < 4; ended++) {
      await until(() => held.length === ended + 1)
      await wait(50)
      held[ended]?.open('done')
    }
    await client.message(3)
    client.send(call(9, { metadata: { [ReservedKey.timeout]: '20' } }))
    const refused = await client.message(4)
    expect(refused.seq).toBe(9)
    expect(codeOf(refused)).toBe('ERR_RPCX_NOT_EXECUTED')
    expect(refused.metadataValue(ReservedKey.error)).toMatch(
      /its turn would come in \d+ ms, after its deadline$/,
    )
  })

  test('never runs a call whose deadline passed while it waited', async () => {
    const { held, peer } = await holding({ maxConcurrentCalls: 1 })
    const client = await peer()
    client.send(call(1))
    client.send(call(2, { metadata: { [ReservedKey.timeout]: '10' } }))
    client.send(call(3))
    await until(() => held.length === 1)
    await new Promise(resolve => setTimeout(resolve, 30))
    held[0]?.open('done')
    expect((await client.message(0)).seq).toBe(1)
    const refused = await client.message(1)
    expect(refused.seq).toBe(2)
    expect(refused.metadataValue(ReservedKey.error)).toBe(
      'rpcx: the server is overloaded: its deadline passed',
    )
    await until(() => held.length === 2)
    held[1]?.open('done')
    expect((await client.message(2)).seq).toBe(3)
  })

  test('drops waiting calls when their connection closes', async () => {
    const { server, held, peer } = await holding({ maxConcurrentCalls: 1 })
    const first = await peer()
    first.send(call(1))
    await until(() => held.length === 1)
    const second = await peer()
    second.send(call(1))
    await until(() => server.metrics.queued === 1)
    second.close()
    await until(() => server.metrics.queued === 0)
    held[0]?.open('done')
    first.send(call(2, { method: 'sync' }))
    expect((await first.message(1)).seq).toBe(2)
    expect(held).toHaveLength(1)
  })

  test('runs waiting calls while the server drains', async () => {
    const { server, held, peer } = await holding({ maxConcurrentCalls: 1 })
    const client = await peer()
    client.send(call(1))
    client.send(call(2))
    await until(() => server.metrics.queued === 1)
    const closed = server.close()
    held[0]?.open('first')
    await until(() => held.length === 2)
    held[1]?.open('second')
    expect((await client.message(1)).payload.toString()).toBe('"second"')
    await closed
  })
})

test('maxConcurrentCallsPerConnection leaves the rest to other connections', async () => {
  const { held, peer } = await holding({ maxConcurrentCallsPerConnection: 2 })
  const greedy = await peer()
  for (let seq = 1; seq <= 5; seq++) greedy.send(call(seq))
  await until(() => held.length === 2)
  const modest = await peer()
  modest.send(call(1))
  await until(() => held.length === 3)
  held[2]?.open('modest')
  expect((await modest.message(0)).payload.toString()).toBe('"modest"')
  expect(greedy.messages).toHaveLength(0)
  held[0]?.open('first')
  await until(() => held.length === 4)
})

describe('a rejection because of overload', () => {
  test('makes a client call another server, where the call runs once', async () => {
    const { server: full, held, peer } = await holding({ maxConcurrentCalls: 1, maxQueuedCalls: 0 })
    const occupant = await peer()
    occupant.send(call(1))
    await until(() => held.length === 1)
    const { server: free, held: runs } = await holding({})
    const client = clientOf<{ hold(): string }>('Slow', [full, free], {
      failMode: 'failover',
      selectMode: 'roundRobin',
    })
    const calls = [client.call('hold'), client.call('hold')]
    await until(() => runs.length === 2)
    for (const run of runs) run.open('elsewhere')
    expect(await Promise.all(calls)).toEqual(['elsewhere', 'elsewhere'])
    expect(held).toHaveLength(1)
  })
})

describe('rateLimit', () => {
  test('rejects the calls beyond its burst, and accepts more as tokens return', async () => {
    const { peer } = await holding({ rateLimit: { callsPerSecond: 20, burst: 3 } })
    const client = await peer()
    const at = performance.now()
    client.send(Buffer.concat([1, 2, 3, 4, 5].map(seq => call(seq, { method: 'sync' }))))
    await client.message(4)
    const codes = client.messages.map(codeOf)
    expect(codes).toEqual([undefined, undefined, undefined, 'ERR_RPCX_NOT_EXECUTED', 'ERR_RPCX_NOT_EXECUTED'])
    for (let seq = 6; ; seq++) {
      client.send(call(seq, { method: 'sync' }))
      if (codeOf(await client.message(seq - 1)) === undefined) break
    }
    expect(performance.now() - at).toBeGreaterThanOrEqual(45)
  })

  test('has its own tokens for each service', async () => {
    const { peer } = await holding({ rateLimit: { callsPerSecond: 0.001, burst: 1 } })
    const client = await peer()
    const services = ['Slow', 'Slow', 'Other', 'Other']
    client.send(Buffer.concat(services.map((service, seq) => call(seq, { service, method: 'sync' }))))
    await client.message(3)
    expect(client.messages.map(({ isError }) => isError)).toEqual([false, true, false, true])
  })

  test('has its own tokens for each host with by: caller, whatever the port', async () => {
    const { peer } = await holding({ rateLimit: { callsPerSecond: 0.001, burst: 1, by: 'caller' } })
    const answers: boolean[] = []
    for (let i = 0; i < 2; i++) {
      const client = await peer()
      client.send(call(1, { method: 'sync' }))
      answers.push((await client.message(0)).isError)
    }
    expect(answers).toEqual([false, true])
  })

  test('has its own tokens for each key that a function returns', async () => {
    const by = ({ metadata }: { metadata: Readonly<Record<string, string>> }) => metadata.tenant ?? ''
    const { peer } = await holding({ rateLimit: { callsPerSecond: 0.001, burst: 1, by } })
    const client = await peer()
    for (const [seq, tenant] of ['a', 'b', 'a'].entries())
      client.send(call(seq, { method: 'sync', metadata: { tenant } }))
    await client.message(2)
    expect(client.messages.map(({ isError }) => isError)).toEqual([false, false, true])
  })
})

test.each([
  [{ maxConcurrentCalls: 0 }, 'Server: maxConcurrentCalls is 0'],
  [{ maxConcurrentCallsPerConnection: 1.5 }, 'Server: maxConcurrentCallsPerConnection is 1.5'],
  [{ maxQueuedCalls: -1 }, 'Server: maxQueuedCalls is -1'],
  [{ maxConnections: Number.NaN }, 'Server: maxConnections is NaN'],
  [{ rateLimit: { callsPerSecond: 0 } }, 'Server: rateLimit.callsPerSecond is 0'],
  [{ rateLimit: { callsPerSecond: 1, burst: 0.5 } }, 'Server: rateLimit.burst is 0.5'],
  [{ frameTimeoutMs: -1 }, 'Server: frameTimeoutMs is -1'],
  [{ handshakeTimeoutMs: 0 }, 'Server: handshakeTimeoutMs is 0'],
  [{ noticeMs: Number.NaN }, 'Server: noticeMs is NaN'],
])('a server rejects %j', (options, text) => {
  expect(() => new Server(options)).toThrow(RangeError)
  expect(() => new Server(options)).toThrow(text)
})

test('a server rejects an unknown `by` of rateLimit', () => {
  const rateLimit = { callsPerSecond: 1, by: 'moon' as 'caller' }
  expect(() => new Server({ rateLimit })).toThrow(
    new TypeError('Server: rateLimit.by is "moon", not service, caller or a function'),
  )
})

test('a failfast client gets ERR_RPCX_NOT_EXECUTED from a server beyond its limits', async () => {
  const { server, held, peer } = await holding({ maxConcurrentCalls: 1, maxQueuedCalls: 0 })
  const occupant = await peer()
  occupant.send(call(1))
  await until(() => held.length === 1)
  const client = clientOf<{ hold(): string }>('Slow', [server])
  expect(await failure(client.call('hold'))).toMatchObject({ code: 'ERR_RPCX_NOT_EXECUTED' })
})
