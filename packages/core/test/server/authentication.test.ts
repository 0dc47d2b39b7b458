import type { CallContext } from '@rpcx/core'
import { isSameToken, RpcxError, Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, happening, portOf, serving } from '../helpers.ts'

const who = { who: (_: object) => 'me' }

const call = (seq: number, token: string, flags = 0): Buffer =>
  frame({ flags, seq, service: 'Who', method: 'who', metadata: { [ReservedKey.auth]: token }, payload: '{}' })

const guarded = { authenticate: ({ token }: CallContext) => isSameToken(token, 'good') }

async function peerOf(server: Server): Promise<BarePeer> {
  return closing(await BarePeer.connect(portOf(server)))
}

describe('authenticate', () => {
  test('accepts callers for which it returns true', async () => {
    const server = await serving({ Who: who }, guarded)
    expect(await clientOf<typeof who>('Who', [server], { token: 'good' }).call('who', {})).toBe('me')
  })

  test("rejects others with Go's message, reports it, and closes the connection", async () => {
    const server = await serving({ Who: who }, guarded)
    const failed = happening(server, 'authenticationFailed')
    const peer = await peerOf(server)
    const remoteAddress = `tcp@127.0.0.1:${peer.socket.localPort}`
    peer.send(call(1, 'bad'))
    const refused = await peer.message(0)
    expect({ ...refused.metadata }).toEqual({
      [ReservedKey.error]: 'invalid token',
      [ReservedKey.code]: 'ERR_RPCX_AUTH',
    })
    await peer.closed()
    expect(await failed).toMatchObject({ service: 'Who', method: 'who', remoteAddress })
  })

  test('is ERR_RPCX_AUTH for our client, which then calls no other server', async () => {
    const servers = [await serving({ Who: who }, guarded), await serving({ Who: who }, guarded)]
    let failures = 0
    for (const server of servers) server.on('authenticationFailed', () => failures++)
    const client = clientOf<typeof who>('Who', servers, { token: 'bad', failMode: 'failover' })
    expect(await failure(client.call('who', {}))).toMatchObject({
      code: 'ERR_RPCX_AUTH',
      message: 'invalid token',
    })
    expect(failures).toBe(1)
  })

  test('closes the connection without a reply after a one-way call', async () => {
    const server = await serving({ Who: who }, guarded)
    const peer = await peerOf(server)
    peer.send(call(1, 'bad', Flag.oneway))
    await peer.closed()
    expect(peer.bytes).toHaveLength(0)
  })

  test('runs no call that follows a rejected one, whether in the same bytes or later', async () => {
    let runs = 0
    const server = await serving({ Who: { who: () => ++runs } }, guarded)
    const peer = await peerOf(server)
    peer.send(Buffer.concat([call(1, 'bad'), call(2, 'good')]))
    await peer.closed()
    expect(peer.messages.map(({ seq }) => seq)).toEqual([1])
    expect(runs).toBe(0)
  })

  test('may be asynchronous, and delays no other call', async () => {
    const gate = new Gate<boolean>()
    const server = await serving(
      { Who: who },
      { authenticate: ({ token }) => (token === 'slow' ? gate.opened : true) },
    )
    const peer = await peerOf(server)
    peer.send(Buffer.concat([call(1, 'slow'), call(2, 'fast')]))
    expect((await peer.message(0)).seq).toBe(2)
    expect(server.metrics.inFlight).toBe(1)
    gate.open(true)
    expect(await peer.message(1)).toMatchObject({ seq: 1, isError: false })
    expect(server.metrics.inFlight).toBe(0)
  })

  test.each([
    ['undefined', undefined],
    ['a string', 'yes'],
    ['1', 1],
    ['a promise of null', Promise.resolve(null)],
  ])('rejects callers unless it returns exactly true: %s', async (_what, verdict) => {
    const server = await serving({ Who: who }, { authenticate: () => verdict as never })
    const peer = await peerOf(server)
    peer.send(call(1, 'good'))
    expect((await peer.message(0)).metadataValue(ReservedKey.code)).toBe('ERR_RPCX_AUTH')
    await peer.closed()
  })

  test.each([
    [
      'throws',
      (error: Error) => {
        throw error
      },
    ],
    ['rejects', (error: Error) => Promise.reject(error)],
  ])('that %s does not tell the caller why, unless the error is ERR_RPCX_AUTH', async (_how, fail) => {
    const mistake = new Error('ENOENT: /etc/server/keys.json')
    const server = await serving(
      { Who: who },
      {
        authenticate: ({ token }) =>
          fail(token === 'old' ? new RpcxError('ERR_RPCX_AUTH', 'token expired') : mistake),
      },
    )
    const failed = happening(server, 'authenticationFailed')
    const first = await peerOf(server)
    first.send(call(1, 'any'))
    expect((await first.message(0)).metadataValue(ReservedKey.error)).toBe('invalid token')
    expect((await failed).error.cause).toBe(mistake)
    await first.closed()
    const second = await peerOf(server)
    second.send(call(1, 'old'))
    expect((await second.message(0)).metadataValue(ReservedKey.error)).toBe('token expired')
    for (const peer of [first, second]) expect(peer.bytes.includes('keys.json')).toBe(false)
  })

  test('is not called for heartbeats', async () => {
    const server = await serving({ Who: who }, { authenticate: () => false })
    const peer = await peerOf(server)
    peer.send(frame({ flags: Flag.heartbeat, seq: 1 }))
    expect((await peer.message(0)).isHeartbeat).toBe(true)
  })

  test('protects the built-in service too', async () => {
    const server = await serving({ Who: who }, guarded)
    const client = clientOf<{ Check(): object }>('_health', [server])
    expect(await failure(client.call('Check'))).toMatchObject({ code: 'ERR_RPCX_AUTH' })
  })

  test('must be a function', () => {
    expect(() => new Server({ authenticate: 'secret' as never })).toThrow(
      new TypeError('Server: authenticate is string, not a function'),
    )
  })
})

describe('isSameToken', () => {
  test.each([
    ['good', 'good', true],
    ['', '', true],
    ['good', 'goods', false],
    ['goods', 'good', false],
    ['bood', 'good', false],
    ['', 'good', false],
    ['\u00e9', 'e\u0301', false],
  ])('%j and %j: %s', (given, expected, isSame) => {
    expect(isSameToken(given, expected)).toBe(isSame)
  })

  test('takes as long for an entirely wrong token as for a nearly right one', () => {
    const expected = 'x'.repeat(1_000_000)
    const wrong = `y${expected.slice(1)}`
    const nearly = `${expected.slice(1)}y`
    const times = { wrong: [] as number[], nearly: [] as number[] }
    for (let i = 0; i < 31; i++) {
      for (const [name, token] of Object.entries({ wrong, nearly })) {
        const startedAt = performance.now()
        isSameToken(token, expected)
        times[name as 'wrong' | 'nearly'].push(performance.now() - startedAt)
      }
    }
    // Other load of this machine makes it slower, never faster.
    const ratio = Math.min(...times.nearly) / Math.min(...times.wrong)
    expect(ratio).toBeGreaterThan(0.5)
    expect(ratio).toBeLessThan(2)
  })
})
