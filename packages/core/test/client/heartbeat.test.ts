import { join } from 'node:path'
import type { CallContext } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, Serialize } from '../../src/wire/header.ts'
import { BareServer } from '../bare-peer.ts'
import { Program } from '../program.ts'
import { clientOf, closing, directory, failure, serving } from '../rig.ts'

interface Any {
  method(args?: unknown): unknown
}

describe('a heartbeat', () => {
  test('goes out when nothing came for heartbeatMs, with the time as Go sends it', async () => {
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

  test('that is not answered ends the connection after heartbeatMs to three times that', async () => {
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

  test('that is answered keeps a call alive that takes much longer', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server], { heartbeatMs: 20 })
    const call = client.call('method')
    const peer = await server.peer(0)
    const request = await peer.message(0)
    for (let i = 1; i <= 10; i++) peer.reply(await peer.message(i), { flags: Flag.heartbeat })
    peer.reply(request, { payload: '"done"' })
    expect(await call).toBe('done')
  })

  test('is echoed by our server, so that an idle connection stays', async () => {
    const server = await serving({
      Any: { method: (_: unknown, context: CallContext) => context.remoteAddress },
    })
    const client = clientOf<Any>('Any', [server], { heartbeatMs: 20 })
    const before = await client.call('method')
    const silent = closing(await BareServer.listen())
    const judged = clientOf<Any>('Any', [silent], { heartbeatMs: 100 })
    // As long as it takes to give up a server that is silent, five times over.
    await failure(judged.call('method'))
    expect(await client.call('method')).toBe(before)
  })

  test('is not missed when this process was too busy to see the answer', async () => {
    const path = join(await directory(), 'who.sock')
    const program = closing(new Program('unix-server', path))
    await program.line(0)
    const options = { heartbeatMs: 100 }
    const client = clientOf<Waiter>('Who', [{ address: `unix@${path}` }], options)
    await client.call('who')
    const call = client.call('wait', 1_000)
    // The heartbeat of 100 ms leaves between the two, and that of 200 ms is due before its answer can be read.
    setTimeout(block, 50, 150)
    setTimeout(block, 130, 250)
    expect(await call).toBe('waited')
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

interface Waiter {
  who(): number
  wait(ms: number): string
}

/** Keeps this process from doing anything else. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}
