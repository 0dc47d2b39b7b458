import type { ClientEvents } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'
import type { BarePeer } from '../bare-peer.ts'
import { BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure, keys, serving } from '../helpers.ts'
import { until } from '../until.ts'

interface Any {
  method(args?: unknown): unknown
}

type Heard = Pick<ClientEvents, 'ejected' | 'restored'>

/** Records the events of a client about its servers, in order. */
function heard(client: {
  on<Name extends keyof Heard>(event: Name, listener: (detail: Heard[Name]) => void): unknown
}): string[] {
  const all: string[] = []
  client.on('ejected', ({ endpoint }) => all.push(`ejected ${endpoint}`))
  client.on('restored', ({ endpoint }) => all.push(`restored ${endpoint}`))
  return all
}

interface Habits {
  /** Called for each request. Heartbeats are always answered. */
  answer(message: Message, peer: BarePeer): void
  beats?: boolean
}

/** A server whose behaviour can change, and which counts its requests. */
async function moody(habits: Habits): Promise<BareServer & { habits: Habits; calls: number; beats: number }> {
  const server = await BareServer.listen({
    onMessage(message, peer) {
      if (!message.isHeartbeat) {
        counted.calls++
        counted.habits.answer(message, peer)
        return
      }
      counted.beats++
      if (counted.habits.beats ?? true) peer.reply(message, { flags: Flag.heartbeat })
    },
  })
  const counted = Object.assign(closing(server), { habits, calls: 0, beats: 0 })
  return counted
}

const ok: Habits = { answer: (message, peer) => peer.reply(message, { payload: '"ok"' }) }
const failing: Habits = {
  answer: (message, peer) =>
    peer.reply(message, { flags: Flag.error, metadata: { [ReservedKey.error]: 'its own failure' } }),
}
const silent: Habits = { answer: () => {} }
const hole: Habits = { answer: () => {}, beats: false }

/** Makes calls until one fails. */
async function untilFailure(call: () => Promise<unknown>): Promise<Error & { readonly code?: string }> {
  for (;;) {
    const outcome = await call().then(
      () => undefined,
      (error: Error) => error,
    )
    if (outcome !== undefined) return outcome
  }
}

describe('a server that accepts and never answers', () => {
  test('fails its call at the deadline, is ejected, and the other servers are unaffected', async () => {
    const [bad, good] = [await moody(hole), await moody(ok)]
    const client = clientOf<Any>('Any', [bad, good], { selectMode: 'roundRobin' })
    const events = heard(client)
    const start = performance.now()
    const error = await untilFailure(() => client.call('method', 1, { timeoutMs: 60 }))
    expect(performance.now() - start).toBeGreaterThanOrEqual(59)
    expect(error).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    expect(events).toEqual([`ejected ${bad.address}`])
    for (let i = 0; i < 20; i++) expect((await client.invoke('method')).endpoint).toBe(good.address)
    expect(bad.calls).toBe(1)
    // It got a heartbeat, and did not respond.
    await until(() => bad.beats === 1)
    expect(events).toHaveLength(1)
  })

  test('returns to service by a probe, not by a call', async () => {
    const [bad, good] = [await moody(hole), await moody(ok)]
    const client = clientOf<Any>('Any', [bad, good], { selectMode: 'roundRobin', heartbeatMs: 100 })
    const events = heard(client)
    await untilFailure(() => client.call('method', 1, { timeoutMs: 60 }))
    // The client closes the connection, and also a second one without a response.
    await until(() => bad.peers.length === 2)
    expect(bad.calls).toBe(1)
    bad.habits = ok
    await until(() => events.length === 2)
    expect(events).toEqual([`ejected ${bad.address}`, `restored ${bad.address}`])
    expect(bad.calls).toBe(1)
    const endpoints = [await client.invoke('method'), await client.invoke('method')].map(
      ({ endpoint }) => endpoint,
    )
    expect(endpoints.sort()).toEqual([bad.address, good.address].sort())
  })

  test('is not ejected when it is the only one', async () => {
    const only = await moody(silent)
    const client = clientOf<Any>('Any', [only])
    const events = heard(client)
    for (let i = 0; i < 10; i++) await failure(client.call('method', 1, { timeoutMs: 5 }))
    only.habits = ok
    expect(await client.call('method')).toBe('ok')
    expect(events).toEqual([])
  })
})

describe('a server that responds with errors', () => {
  test('is ejected when the others respond without, and returns after a probe', async () => {
    const [bad, good, other] = [await moody(failing), await moody(ok), await moody(ok)]
    const client = clientOf<Any>('Any', [bad, good, other], { selectMode: 'roundRobin' })
    const events = heard(client)
    for (let i = 0; i < 60; i++) await client.call('method').catch(() => {})
    expect(events).toEqual([`ejected ${bad.address}`])
    expect(bad.calls).toBe(8)
    bad.habits = ok
    await until(() => events.length === 2)
    expect(events[1]).toBe(`restored ${bad.address}`)
    for (let i = 0; i < 6; i++) expect(await client.call('method')).toBe('ok')
    expect(bad.calls).toBe(10)
  })

  test('is ejected again after one more error, for longer', async () => {
    const [bad, good] = [await moody(failing), await moody(ok)]
    const client = clientOf<Any>('Any', [bad, good], { selectMode: 'roundRobin' })
    const forMs: number[] = []
    client.on('ejected', ejected => forMs.push(ejected.forMs))
    const events = heard(client)
    while (forMs.length < 1) await client.call('method').catch(() => {})
    await until(() => events.length === 2)
    const before = bad.calls
    while (forMs.length < 2) await client.call('method').catch(() => {})
    expect(bad.calls - before).toBe(1)
    const [first, second] = forMs as [number, number]
    expect(first).toBeGreaterThan(490)
    expect(first).toBeLessThanOrEqual(1_000)
    expect(second).toBeGreaterThan(990)
  })

  test('is not ejected when all servers do: then the service or the arguments are at fault', async () => {
    const servers = [await moody(failing), await moody(failing), await moody(failing)]
    const client = clientOf<Any>('Any', servers, { selectMode: 'roundRobin' })
    const events = heard(client)
    for (let i = 0; i < 100; i++) await failure(client.call('method'))
    expect(events).toEqual([])
    expect(servers.map(({ calls }) => calls).sort()).toEqual([33, 33, 34])
  })

  test('is not ejected when half of the list is already ejected', async () => {
    const bad = [await moody(failing), await moody(failing), await moody(failing)]
    const good = [await moody(ok), await moody(ok)]
    const client = clientOf<Any>('Any', [...bad, ...good], { selectMode: 'roundRobin' })
    const events = heard(client)
    for (let i = 0; i < 200; i++) await client.call('method').catch(() => {})
    expect(events.length).toBe(2)
  })
})

describe('an ejection', () => {
  test('is reported to the discovery, which may check whether the server still exists', async () => {
    const server = await BareServer.listen()
    await server.close()
    const discovery = closing(new MultipleServersDiscovery(keys([server])))
    const hints: string[] = []
    const verify = (service: string, address: string): unknown => hints.push(`${service} ${address}`)
    const client = clientOf<Any>('Any', Object.assign(discovery, { verify }))
    await failure(client.call('method'))
    expect(hints).toEqual([`Any ${server.address}`])
  })

  test('also follows an overload: the server gets no more calls until a probe', async () => {
    const declining: Habits = {
      answer: (message, peer) =>
        peer.reply(message, {
          flags: Flag.error,
          metadata: { [ReservedKey.error]: 'busy', [ReservedKey.code]: 'ERR_RPCX_NOT_EXECUTED' },
        }),
    }
    const bad = await moody(declining)
    const good = await serving({ Any: { method: () => 'good' } })
    const client = clientOf<Any>('Any', [bad, good], { failMode: 'failover', selectMode: 'roundRobin' })
    const events = heard(client)
    for (let i = 0; i < 10; i++) expect(await client.call('method')).toBe('good')
    expect([bad.calls, bad.beats]).toEqual([1, 0])
    await until(() => bad.beats === 1 && events.length === 2)
    expect(events).toEqual([`ejected ${bad.address}`, `restored ${bad.address}`])
  })
})
