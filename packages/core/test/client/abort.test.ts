import { describe, expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure } from '../rig.ts'

interface Any {
  method(args?: unknown): unknown
}

describe('a signal', () => {
  test('that has aborted keeps the call from starting, and its reason is untouched', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server])
    const reason = { not: 'even an error' }
    const call = client.call('method', 1, { signal: AbortSignal.abort(reason) })
    await expect(call).rejects.toBe(reason)
    void client.notify('method', 2)
    const peer = await server.peer(0)
    expect((await peer.message(0)).isOneway).toBe(true)
  })

  test('ends a call during the dial, which goes on for the others', async () => {
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

  test('ends a call that waits for its reply, which is then dropped', async () => {
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

  test('may abort after the call has ended, any number of times', async () => {
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
