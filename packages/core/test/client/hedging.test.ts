import { describe, expect, test } from 'vitest'
import type { BeatingServer } from '../beating-server.ts'
import { beatingServer } from '../beating-server.ts'
import { clientOf, failure } from '../helpers.ts'
import { until } from '../until.ts'

interface Any {
  method(args?: unknown): unknown
}

interface Numbered extends BeatingServer {
  answers: boolean
}

/** Replies with its number, unless it is silent. */
async function numbered(number: number): Promise<Numbered> {
  const server: Numbered = Object.assign(
    await beatingServer((message, peer) => {
      if (server.answers) peer.reply(message, { payload: String(number) })
    }),
    { answers: true },
  )
  return server
}

async function silent(number: number): Promise<Numbered> {
  const server = await numbered(number)
  server.answers = false
  return server
}

const options = { failMode: 'failbackup', selectMode: 'roundRobin', idempotent: true } as const

describe('failbackup', () => {
  test('sends a call that takes long to a second server as well, and uses the first reply', async () => {
    const [slow, quick] = [await numbered(1), await numbered(2)]
    slow.answers = false
    const client = clientOf<Any>('Any', [slow, quick], { ...options, backupAfter: { ms: 30 } })
    const start = performance.now()
    const replies = [await client.invoke('method'), await client.invoke('method')]
    const tookMs = performance.now() - start
    expect(replies).toMatchObject([
      { reply: 2, endpoint: quick.address },
      { reply: 2, endpoint: quick.address },
    ])
    expect(replies.map(({ attempts }) => attempts).sort()).toEqual([1, 2])
    expect([slow.requests.length, quick.requests.length]).toEqual([1, 2])
    expect(tookMs).toBeGreaterThanOrEqual(29)
    expect(tookMs).toBeLessThan(500)
    // The slower copy leaves nothing behind, and its late reply is dropped.
    const [lost] = slow.requests
    lost?.peer.reply(lost.message, { payload: '1' })
    await until(() => client.snapshot().endpoints.some(({ lateReplies }) => lateReplies === 1))
    expect(client.snapshot().endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0])
  })

  test('sends no copy of a call that is not idempotent', async () => {
    const servers = [await numbered(1), await numbered(2)] as const
    for (const server of servers) server.answers = false
    const client = clientOf<Any>('Any', servers, { ...options, idempotent: false, backupAfter: { ms: 5 } })
    await failure(client.call('method', 1, { timeoutMs: 60 }))
    expect(servers[0].requests.length + servers[1].requests.length).toBe(1)
    // The silent server gets a heartbeat first.
    await until(() => client.snapshot().endpoints.every(({ state }) => state !== 'out'))
    await failure(client.call('method', 1, { timeoutMs: 60, idempotent: true }))
    expect(servers[0].requests.length + servers[1].requests.length).toBe(3)
  })

  test('fails at the deadline when neither server replies', async () => {
    const servers = [await silent(1), await silent(2)]
    const client = clientOf<Any>('Any', servers, { ...options, backupAfter: { ms: 5 } })
    expect(await failure(client.call('method', 1, { timeoutMs: 80 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
    })
  })

  test('stops both copies when the signal aborts', async () => {
    const servers = [await silent(1), await silent(2)] as const
    const client = clientOf<Any>('Any', servers, { ...options, backupAfter: { ms: 5 } })
    const abort = new AbortController()
    const given = failure(client.call('method', 1, { signal: abort.signal }))
    await until(() => servers[0].requests.length + servers[1].requests.length === 2)
    abort.abort()
    expect(await given).toBe(abort.signal.reason)
    await until(() => client.snapshot().endpoints.every(({ inFlight }) => inFlight === 0))
  })

  test('learns from finished calls how long calls take', async () => {
    const servers = [await numbered(1), await numbered(2)] as const
    const client = clientOf<Any>('Any', servers, { ...options, backupAfter: { percentile: 90 } })
    for (let i = 0; i < 64; i++) await client.call('method')
    servers[0].answers = false
    const start = performance.now()
    for (let i = 0; i < 2; i++) expect(await client.call('method')).toBe(2)
    // Calls take a fraction of a millisecond here; as long as nothing is known it would be 10 ms.
    expect(performance.now() - start).toBeLessThan(300)
  })

  test('adds no more load than the retry budget allows', async () => {
    const servers = [await numbered(1), await numbered(2)] as const
    for (const server of servers) server.answers = false
    const client = clientOf<Any>('Any', servers, { ...options, backupAfter: { ms: 1 } })
    const calls = Array.from({ length: 300 }, () => failure(client.call('method', 1, { timeoutMs: 300 })))
    await Promise.all(calls)
    const load = servers[0].requests.length + servers[1].requests.length
    expect(load).toBeGreaterThan(300)
    expect(load).toBeLessThanOrEqual(330)
  })

  test.each<[object, string]>([
    [{ failMode: 'failover', backupAfter: { ms: 1 } }, 'backupAfter works only with failMode failbackup'],
    [{ failMode: 'failbackup', backupAfter: { ms: -1 } }, 'backupAfter.ms is -1'],
    [{ failMode: 'failbackup', backupAfter: { percentile: 100 } }, 'backupAfter.percentile is 100'],
  ])('rejects %j', (wrong, text) => {
    expect(() => clientOf<Any>('Any', [{ address: 'memu@nobody' }], wrong)).toThrow(text)
  })
})
