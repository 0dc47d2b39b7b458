import type { CallContext } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, Serialize } from '../../src/wire/header.ts'
import { BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure, serving } from '../helpers.ts'
import { Program } from '../program.ts'

interface Any {
  method(args?: unknown): unknown
}

describe('a heartbeat', () => {
  test("is sent when nothing came for heartbeatMs, with the time in Go's format", async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server], { heartbeatMs: 30, timeoutMs: 0 })
    void client.call('method').catch(() => {})
    const peer = await server.peer(0)
    const beat = await peer.message(1)
    expect(beat).toMatchObject({ isHeartbeat: true, isResponse: false, serialize: Serialize.msgpack })
    expect(beat.payload[0]).toBe(0xd3)
    const sentAt = Number(beat.payload.readBigInt64BE(1) / 1_000_000n)
    expect(Math.abs(Date.now() - sentAt)).toBeLessThan(5_000)
  })

  test('without a response ends the connection after one to three times heartbeatMs', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server], { heartbeatMs: 100 })
    const call = failure(client.call('method'))
    const peer = await server.peer(0)
    await peer.message(0)
    const start = performance.now()
    const error = await call
    const tookMs = performance.now() - start
    expect(error).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
    expect(error.cause).toMatchObject({
      cause: { message: `${server.address}: no answer to a heartbeat within 100 ms` },
    })
    expect(tookMs).toBeGreaterThanOrEqual(95)
    expect(tookMs).toBeLessThan(1_000)
    await peer.closed()
  })

  test('is waited for as long as heartbeatTimeoutMs says, however often heartbeats are sent', async () => {
    const program = closing(new Program('busy-server'))
    const servers = [{ address: await program.line(0) }]
    const patient = clientOf<Any>('Any', servers, { heartbeatMs: 50, heartbeatTimeoutMs: 5_000 })
    expect(await patient.call('method', 400)).toBe('done')
    const hasty = clientOf<Any>('Any', servers, { heartbeatMs: 50 })
    const error = await failure(hasty.call('method', 1_000))
    expect(error).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
    expect(error.message).toMatch(/no answer to a heartbeat within 50 ms$/)
  })

  test('with a response keeps a call alive that takes much longer', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server], { heartbeatMs: 20 })
    const call = client.call('method')
    const peer = await server.peer(0)
    const request = await peer.message(0)
    for (let i = 1; i <= 10; i++) peer.reply(await peer.message(i), { flags: Flag.heartbeat })
    peer.reply(request, { payload: '"done"' })
    expect(await call).toBe('done')
  })

  test('is echoed by our server, so that an idle connection stays open', async () => {
    const server = await serving({
      Any: { method: (_: unknown, context: CallContext) => context.remoteAddress },
    })
    const client = clientOf<Any>('Any', [server], { heartbeatMs: 20 })
    const before = await client.call('method')
    const silent = closing(await BareServer.listen())
    const judged = clientOf<Any>('Any', [silent], { heartbeatMs: 100 })
    // Five times as long as it takes to close the connection to a silent server.
    await failure(judged.call('method'))
    expect(await client.call('method')).toBe(before)
  })

  test('is not missed when this process was too busy to read the response', async () => {
    const server = await BareServer.listen({
      onMessage(message, peer) {
        if (!message.isHeartbeat) return
        peer.reply(message, { flags: Flag.heartbeat })
        // The response is on its way. After this, the next heartbeat is overdue.
        block(150)
      },
    })
    const client = clientOf<Any>('Any', [closing(server)], { heartbeatMs: 50 })
    const call = client.call('method')
    const peer = await server.peer(0)
    const request = await peer.message(0)
    await peer.message(3)
    peer.reply(request, { payload: '"done"' })
    expect(await call).toBe('done')
  })

  test('is not sent when heartbeatMs is 0', async () => {
    const silent = closing(await BareServer.listen())
    const quiet = clientOf<Any>('Any', [silent], { heartbeatMs: 0, timeoutMs: 0 })
    void quiet.call('method').catch(() => {})
    const noisy = clientOf<Any>('Any', [silent], { heartbeatMs: 30, timeoutMs: 0 })
    const peer = await silent.peer(0)
    await peer.message(0)
    await failure(noisy.call('method'))
    expect(peer.messages).toHaveLength(1)
    expect(peer.isClosed).toBe(false)
  })
})

/** Blocks this process. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}
