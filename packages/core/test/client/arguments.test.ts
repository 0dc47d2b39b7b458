import type { Interceptor, XClientOptions } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, keys, serving } from '../helpers.ts'

interface S {
  put(e: { n: number }): number
  bytes(bytes: Uint8Array): number
}

const service = { put: (e: { n: number }) => e.n, bytes: (bytes: Uint8Array) => bytes[0] }

/** Makes three calls with one object, which changes in between. */
function changing(call: (e: { n: number }) => Promise<unknown>): Promise<unknown[]> {
  const e = { n: 0 }
  const calls = [1, 2, 3].map(n => {
    e.n = n
    return call(e)
  })
  e.n = 99
  return Promise.all(calls)
}

const pass: Interceptor = (call, next) => next(call)

describe('a call sends its arguments as they were when it was made', () => {
  test.each<[string, XClientOptions]>([
    ['a connection', {}],
    ['a connection, with retries', { failMode: 'failover' }],
    ['a connection, behind an interceptor', { interceptors: [pass] }],
    ['a token', { token: async () => 'token' }],
    ['a connection, in JSON', { codec: 'json' }],
  ])('although it waits for %s', async (_what, options) => {
    const client = clientOf<S>('S', [await serving({ S: service })], options)
    expect(await changing(e => client.call('put', e))).toEqual([1, 2, 3])
    expect(await changing(e => client.call('put', e))).toEqual([1, 2, 3])
  })

  test('although it waits for a list', async () => {
    const server = await serving({ S: service })
    const discovery = closing(new MultipleServersDiscovery(keys([server])))
    discovery.update([])
    const client = clientOf<S>('S', discovery, { waitForReady: true })
    const calls = changing(e => client.call('put', e))
    discovery.update(keys([server]))
    expect(await calls).toEqual([1, 2, 3])
  })

  test('although they are bytes in a buffer that the caller uses again', async () => {
    const raw = clientOf<S>('S', [await serving({ S: { bytes: (bytes: Uint8Array) => bytes } })], {
      codec: 'raw',
    })
    const buffer = Buffer.alloc(1)
    const calls = [1, 2, 3].map(n => {
      buffer[0] = n
      return raw.call('bytes', buffer) as unknown as Promise<Uint8Array>
    })
    buffer[0] = 99
    expect((await Promise.all(calls)).map(bytes => bytes[0])).toEqual([1, 2, 3])
  })

  test('although it goes to all servers, once the list is there', async () => {
    const servers = await Promise.all([serving({ S: service }), serving({ S: service })])
    const client = clientOf<S>('S', servers)
    const all = await changing(async e => (await client.broadcast('put', e)).map(({ reply }) => reply))
    expect(all).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    expect(await changing(e => client.fork('put', e))).toEqual([1, 2, 3])
  })

  test('although it is sent again', async () => {
    const arrived = new Gate()
    const seen: number[] = []
    let tries = 0
    const put = async (e: { n: number }): Promise<number> => {
      seen.push(e.n)
      if (++tries > 1) return e.n
      arrived.open()
      return new Promise(() => {})
    }
    const servers = await Promise.all([0, 1].map(() => serving({ S: { put } }, { drainMs: 0, noticeMs: 0 })))
    const client = clientOf<S>('S', servers, { failMode: 'failover', idempotent: true })
    const e = { n: 1 }
    const call = client.call('put', e)
    e.n = 2
    await arrived.opened
    const busy = client.snapshot().endpoints.find(({ inFlight }) => inFlight > 0)
    await servers.find(({ address }) => address === busy?.address)?.close()
    expect(await call).toBe(1)
    expect(seen).toEqual([1, 1])
  })

  test('and fails at once when they cannot be encoded, also if it would have to wait', async () => {
    const client = clientOf<S>('S', [await serving({ S: service })])
    const odd = (() => 1) as never
    expect(await failure(client.call('put', odd))).toMatchObject({ code: 'ERR_RPCX_ARGUMENT' })
    expect(await failure(client.broadcast('put', odd))).toMatchObject({ code: 'ERR_RPCX_ARGUMENT' })
    const [informed] = await client.inform('put', odd).all()
    expect(informed).toMatchObject({ status: 'rejected', reason: { code: 'ERR_RPCX_ARGUMENT' } })
  })
})
