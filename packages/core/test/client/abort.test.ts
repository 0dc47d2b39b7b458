import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure, serving } from '../helpers.ts'
import { until } from '../until.ts'

interface Any {
  method(args?: unknown): unknown
}

describe('a signal', () => {
  test('that has already aborted stops the call before it starts, and its reason is passed on unchanged', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server])
    const reason = { not: 'even an error' }
    const call = client.call('method', 1, { signal: AbortSignal.abort(reason) })
    await expect(call).rejects.toBe(reason)
    void client.notify('method', 2)
    const peer = await server.peer(0)
    expect((await peer.message(0)).isOneway).toBe(true)
  })

  test('ends a call during the dial, which continues for other calls', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server])
    const abort = new AbortController()
    const given = failure(client.call('method', 1, { signal: abort.signal }))
    const kept = client.call('method', 2)
    const reason = new Error('no longer wanted')
    abort.abort(reason)
    expect(await given).toBe(reason)
    const peer = await server.peer(0)
    peer.reply(await peer.message(0), { payload: '"kept"' })
    expect(await kept).toBe('kept')
    expect(peer.messages).toHaveLength(1)
  })

  test('ends a call that waits for its reply, and the late reply is dropped', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server])
    const abort = new AbortController()
    const given = failure(client.call('method', 1, { signal: abort.signal }))
    const peer = await server.peer(0)
    const message = await peer.message(0)
    abort.abort()
    expect(await given).toBe(abort.signal.reason)
    const next = client.call('method', 2)
    peer.reply(message, { payload: '"late"' })
    peer.reply(await peer.message(1), { payload: '"next"' })
    expect(await next).toBe('next')
  })

  test('ends a call that waits for a back-off', async () => {
    const client = clientOf<Any>('Any', [{ address: 'memu@nobody' }], { failMode: 'failtry' })
    const abort = new AbortController()
    const call = failure(client.call('method', 1, { signal: abort.signal }))
    setImmediate(() => abort.abort())
    expect(await call).toBe(abort.signal.reason)
  })

  test('may abort any number of times after the call has ended', async () => {
    const server = closing(
      await BareServer.listen({ onMessage: (message, peer) => peer.reply(message, { payload: '1' }) }),
    )
    const client = clientOf<Any>('Any', [server])
    const abort = new AbortController()
    for (let i = 0; i < 20; i++) expect(await client.call('method', i, { signal: abort.signal })).toBe(1)
    abort.abort()
    expect(await client.call('method')).toBe(1)
  })
})

describe('a signal or a parent that many calls share', () => {
  const parentOf = (signal: AbortSignal) => ({ deadline: undefined, signal, metadata: {} })

  test('causes no warning about listeners, and ends all of the calls', async () => {
    const servers = await Promise.all(
      Array.from({ length: 12 }, () => serving({ S: { get: () => new Promise(() => {}) } }, { drainMs: 0 })),
    )
    const client = clientOf<{ get(): void }>('S', servers, { timeoutMs: 0 })
    const warnings: string[] = []
    const listener = ({ name, message }: Error): number => warnings.push(`${name}: ${message}`)
    process.on('warning', listener)
    try {
      const abort = new AbortController()
      const { signal } = abort
      const parent = parentOf(signal)
      const calls = [
        ...Array.from({ length: 12 }, () => client.call('get', undefined, { signal })),
        ...Array.from({ length: 12 }, () => client.call('get', undefined, { parent })),
        ...Array.from({ length: 12 }, () => client.broadcast('get', undefined, { signal, parent })),
        client.fork('get', undefined, { signal }),
        client.inform('get', undefined, { signal }).all(),
      ].map(call => failure(call))
      await until(() => client.snapshot().endpoints.every(({ inFlight }) => inFlight > 12))
      const reason = new Error('enough')
      abort.abort(reason)
      for (const error of await Promise.all(calls.slice(0, 36))) expect(error).toBe(reason)
    } finally {
      // Node emits warnings in a later tick.
      await new Promise(resolve => setImmediate(resolve))
      process.off('warning', listener)
    }
    expect(warnings).toEqual([])
  })

  test('keeps nothing of calls that have ended', async () => {
    const client = clientOf<{ hi(): number }>('S', [await serving({ S: { hi: () => 1 } })])
    const { signal } = new AbortController()
    const parent = parentOf(new AbortController().signal)
    for (let i = 0; i < 100; i++) await client.call('hi', undefined, { signal, parent })
    const kept = [signal, parent.signal].map(each => getEventListeners(each, 'abort').length)
    expect(kept).toEqual([0, 0])
    const dependants = Object.getOwnPropertySymbols(signal).filter(symbol =>
      /dependant/i.test(String(symbol)),
    )
    expect(
      dependants.map(symbol => (signal as never as Record<symbol, Set<unknown>>)[symbol]?.size ?? 0),
    ).toEqual(dependants.map(() => 0))
  })
})
