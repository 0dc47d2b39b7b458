import type { CallContext, ParentCall } from '@rpcx/core'
import { describe, expect, test, vi } from 'vitest'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import { BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, serving } from '../helpers.ts'
import { Program } from '../program.ts'

interface Any {
  method(args?: unknown): unknown
}

async function silent(): Promise<BareServer> {
  return closing(await BareServer.listen())
}

function timeoutOf(message: { metadataValue(key: string): string | undefined }): number | undefined {
  const value = message.metadataValue(ReservedKey.timeout)
  return value === undefined ? undefined : Number(value)
}

describe('timeoutMs', () => {
  test('of a call ends it with ERR_RPCX_TIMEOUT, and the error names the server', async () => {
    const server = await silent()
    const start = performance.now()
    const error = await failure(clientOf<Any>('Any', [server]).call('method', 1, { timeoutMs: 30 }))
    expect(performance.now() - start).toBeGreaterThanOrEqual(29)
    expect(error).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    expect(error.message).toBe(`Any.method: no reply from ${server.address} within the deadline`)
  })

  test('of the client applies when the call has none', async () => {
    const client = clientOf<Any>('Any', [await silent()], { timeoutMs: 30 })
    expect(await failure(client.call('method'))).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
  })

  test('of 0 means no deadline, in a call as in the client', async () => {
    const server = await silent()
    const endless = clientOf<Any>('Any', [server], { timeoutMs: 0 })
    const limited = clientOf<Any>('Any', [server], { timeoutMs: 60_000 })
    const calls = [endless.call('method'), limited.call('method', 1, { timeoutMs: 0 })]
    for (const [i, call] of calls.entries()) {
      const peer = await server.peer(i)
      const message = await peer.message(0)
      expect(timeoutOf(message)).toBeUndefined()
      peer.reply(message, { payload: '"late"' })
      expect(await call).toBe('late')
    }
  })

  test('ends calls in the order of their deadlines, not in the order of the calls', async () => {
    const client = clientOf<Any>('Any', [await silent()])
    const ended: number[] = []
    const calls = [90, 30, 60, 30].map(async timeoutMs => {
      await failure(client.call('method', 1, { timeoutMs }))
      ended.push(timeoutMs)
    })
    await Promise.all(calls)
    expect(ended).toEqual([30, 30, 60, 90])
  })

  test('leaves nothing behind: a late reply is dropped, and the connection stays usable', async () => {
    const server = await silent()
    const client = clientOf<Any>('Any', [server])
    expect(await failure(client.call('method', 1, { timeoutMs: 20 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
    })
    const peer = await server.peer(0)
    const next = client.call('method', 2)
    peer.reply(await peer.message(0), { payload: '"late"' })
    peer.reply(await peer.message(1), { payload: '"in time"' })
    expect(await next).toBe('in time')
    expect(server.peers).toHaveLength(1)
  })

  test('ends a call that still waits for the dial', async () => {
    const client = clientOf<Any>('Any', [{ address: 'memu@nobody' }], { failMode: 'failtry', retries: 1_000 })
    const error = await failure(client.call('method', 1, { timeoutMs: 50 }))
    expect(error).toMatchObject({ code: 'ERR_RPCX_TIMEOUT', cause: { code: 'ERR_RPCX_UNAVAILABLE' } })
  })

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])('rejects %d', async timeoutMs => {
    const client = clientOf<Any>('Any', [await silent()])
    expect(await failure(client.call('method', 1, { timeoutMs }))).toBeInstanceOf(RangeError)
  })
})

describe('__ServerTimeout', () => {
  test('is the time that remains until the deadline', async () => {
    const server = await silent()
    void clientOf<Any>('Any', [server], { timeoutMs: 5_000 })
      .call('method')
      .catch(() => {})
    const left = timeoutOf(await (await server.peer(0)).message(0)) as number
    expect(left).toBeGreaterThan(4_000)
    expect(left).toBeLessThanOrEqual(5_000)
  })

  test('is computed anew for each attempt', async () => {
    const lefts: number[] = []
    const server = await BareServer.listen({
      onMessage(message, peer) {
        if (message.isHeartbeat) {
          peer.reply(message, { flags: Flag.heartbeat })
          return
        }
        lefts.push(timeoutOf(message) as number)
        if (lefts.length === 1) peer.socket.resetAndDestroy()
        else peer.reply(message, { payload: '1' })
      },
    })
    const client = clientOf<Any>('Any', [closing(server)], { failMode: 'failtry', idempotent: true })
    expect(await client.call('method', 1, { timeoutMs: 5_000 })).toBe(1)
    const [first, second] = lefts as [number, number]
    // Between the two lies the back-off of the server, which is at least 50 ms.
    expect(first - second).toBeGreaterThanOrEqual(45)
    expect(second).toBeGreaterThan(3_000)
  })
})

describe('parent', () => {
  const context = (fields: Partial<ParentCall>): ParentCall => ({
    deadline: undefined,
    signal: new AbortController().signal,
    metadata: {},
    ...fields,
  })

  test('shortens the deadline, and never extends it', async () => {
    const server = await silent()
    const client = clientOf<Any>('Any', [server])
    const parent = context({ deadline: Date.now() + 30 })
    for (const timeoutMs of [0, 60_000]) {
      const call = client.call('method', 1, { timeoutMs, parent })
      expect(await failure(call)).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    }
    const far = context({ deadline: Date.now() + 60_000 })
    const call = client.call('method', 1, { timeoutMs: 20, parent: far })
    expect(await failure(call)).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
  })

  test('whose deadline has passed keeps the call from being sent', async () => {
    const server = await silent()
    const client = clientOf<Any>('Any', [server])
    await client.notify('method', 1)
    const peer = await server.peer(0)
    await peer.message(0)
    const parent = context({ deadline: Date.now() - 1 })
    expect(await failure(client.call('method', 2, { parent }))).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    await client.notify('method', 3)
    expect((await peer.message(1)).isOneway).toBe(true)
  })

  test("ends the call by its signal, as does the call's own signal", async () => {
    const server = await silent()
    const client = clientOf<Any>('Any', [server])
    const [parents, own] = [new AbortController(), new AbortController()]
    const options = { parent: context({ signal: parents.signal }), signal: own.signal }
    const first = failure(client.call('method', 1, options))
    const peer = await server.peer(0)
    await peer.message(0)
    const reason = new Error('the parent was given up')
    parents.abort(reason)
    expect(await first).toBe(reason)
    const second = failure(client.call('method', 2, { parent: context({}), signal: own.signal }))
    await peer.message(1)
    own.abort()
    expect(await second).toBe(own.signal.reason)
  })

  test('passes on the trace, and nothing else', async () => {
    const server = await silent()
    const client = clientOf<Any>('Any', [server], { timeoutMs: 0 })
    const metadata = { traceparent: '00-1-2-01', tracestate: 'a=b', [ReservedKey.auth]: 'theirs', other: '1' }
    void client.call('method', 1, { parent: context({ metadata }), metadata: { own: '2' } }).catch(() => {})
    expect((await (await server.peer(0)).message(0)).metadata).toEqual({
      own: '2',
      traceparent: '00-1-2-01',
      tracestate: 'a=b',
    })
  })

  test('is the context of a served call: if its caller aborts, the further call is aborted too', async () => {
    const arrived = new Gate()
    const given = new Gate<unknown>()
    const behind = await serving({
      Behind: {
        method: (_: unknown, { signal }: CallContext) => {
          signal.addEventListener('abort', () => given.open(signal.reason))
          arrived.open()
          return new Promise(() => {})
        },
      },
    })
    const further = clientOf<Any>('Behind', [behind], { timeoutMs: 0 })
    const front = await serving({
      Front: { method: (args: unknown, parent: CallContext) => further.call('method', args, { parent }) },
    })
    const client = clientOf<Any>('Front', [front])
    const call = failure(client.call('method', 1, { timeoutMs: 200 }))
    await arrived.opened
    expect(await given.opened).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    expect(await call).toMatchObject({ message: expect.stringMatching('deadline') })
  })
})

test('setting the system clock during a call does not change the remaining time', async () => {
  const further = await serving({ Further: { hi: () => 'hi' } })
  const inner = clientOf<{ hi(): string }>('Further', [further])
  const onwards = async (_: unknown, context: CallContext): Promise<unknown> => {
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000)
    try {
      const left = context.remainingMs ?? 0
      return [
        await inner.call('hi', undefined, { parent: context }),
        left > 4_000 && left <= 5_000,
        context.signal.aborted,
      ]
    } finally {
      clock.mockRestore()
    }
  }
  const server = await serving({ Any: { method: onwards } })
  const client = clientOf<Any>('Any', [server], { timeoutMs: 5_000 })
  expect(await client.call('method')).toEqual(['hi', true, false])
})

test.each([1, 8 * 1024 * 1024])(
  'a reply of %i bytes that came in time is no time-out, however long the caller was busy',
  async bytes => {
    const program = closing(new Program('prompt-server'))
    const address = await program.line(0)
    const attempt = async (): Promise<void> => {
      const client = clientOf<{ get(bytes: number): Uint8Array }>('S', [{ address }])
      await client.call('get', 1)
      const call = client.call('get', bytes, { timeoutMs: 100 })
      await new Promise<void>(resolve => process.nextTick(resolve))
      // Blocks the event loop without using the processor, for long enough even on a busy machine.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_000)
      expect(await call).toHaveLength(bytes)
      expect(client.snapshot().endpoints[0]).toMatchObject({ state: 'open', errorShare: 0 })
    }
    // Of a long reply, the system holds only a part for a blocked process. The server must run between two turns of the event loop, which
    // a busy machine does not always let it.
    const attempts = bytes === 1 ? 1 : 5
    for (let left = attempts; left > 0; left--) {
      const error = await attempt().catch((thrown: unknown) => thrown)
      if (error === undefined) return
      if (left === 1) throw error
    }
  },
)
