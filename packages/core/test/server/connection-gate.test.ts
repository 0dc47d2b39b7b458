import { join } from 'node:path'
import type { ServerOptions } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { AddressList } from '../../src/server/address-list.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { clientOf, closing, directory, happening, portOf, serving } from '../helpers.ts'
import { isPosix } from '../platform.ts'
import { until } from '../until.ts'

const echo = { echo: (value: unknown) => value }

const request = (): Buffer => frame({ service: 'Echo', method: 'echo', payload: '"hello"' })

async function peerOf(server: Server): Promise<BarePeer> {
  return closing(await BarePeer.connect(portOf(server)))
}

/** Starts a server, and returns its metrics once every connection is closed. */
async function watched(options: ServerOptions) {
  const server = await serving({ Echo: echo }, options)
  const gone = (): Promise<void> => until(() => server.metrics.openConnections === 0)
  return { server, gone }
}

describe('maxConnections', () => {
  test('closes a further connection at once, and accepts one again after another has closed', async () => {
    const { server } = await watched({ maxConnections: 1 })
    const first = await peerOf(server)
    first.send(request())
    await first.message(0)
    const refused = happening(server, 'connectionRefused')
    const second = await peerOf(server)
    expect(await refused).toMatchObject({
      remoteAddress: `tcp@127.0.0.1:${second.socket.localPort}`,
      error: { code: 'ERR_RPCX_UNAVAILABLE' },
    })
    await second.closed()
    expect(second.bytes).toHaveLength(0)
    const closed = happening(server, 'connectionClosed')
    first.close()
    await closed
    const third = await peerOf(server)
    third.send(request())
    expect((await third.message(0)).payload.toString()).toBe('"hello"')
    expect(server.metrics).toMatchObject({
      acceptedConnections: 2,
      refusedConnections: 1,
      openConnections: 1,
    })
  })
})

describe('allowed and denied hosts', () => {
  test('keep a connection out before the server reads a byte of it', async () => {
    const { server } = await watched({ deny: ['127.0.0.0/8'] })
    const refused = happening(server, 'connectionRefused')
    const peer = await peerOf(server)
    expect((await refused).error).toMatchObject({ code: 'ERR_RPCX_AUTH' })
    await peer.closed()
    expect(server.metrics.acceptedConnections).toBe(0)
  })

  test('let in the hosts that they name', async () => {
    const { server } = await watched({ allow: ['127.0.0.1'], deny: ['10.0.0.0/8'] })
    const peer = await peerOf(server)
    peer.send(request())
    expect((await peer.message(0)).payload.toString()).toBe('"hello"')
  })

  test.each([
    [{ allow: ['10.0.0.0/8'] }, 'tcp@10.1.2.3:5', true],
    [{ allow: ['10.0.0.0/8'] }, 'tcp@11.1.2.3:5', false],
    [{ allow: [] }, 'tcp@10.1.2.3:5', false],
    [{ allow: ['10.0.0.0/8'], deny: ['10.1.2.3'] }, 'tcp@10.1.2.3:5', false],
    [{ deny: ['10.1.2.3'] }, 'tcp@[::ffff:10.1.2.3]:5', false],
    [{ deny: ['2001:db8::/32'] }, 'tcp6@[2001:db8::1]:5', false],
    [{ allow: ['2001:db8::/32'] }, 'tcp6@[2001:db8::1]:5', true],
    [{ deny: ['fe80::/10'] }, 'tcp6@[fe80::1%eth0]:5', false],
    [{ deny: ['10.1.2.3'] }, 'tcp@', false],
    [{}, 'tcp@10.1.2.3:5', true],
  ])('%j and %s: %s', (lists, address, isAllowed) => {
    expect(new AddressList(lists).allows(address)).toBe(isAllowed)
  })

  test('do not affect networks without hosts', async () => {
    for (const [network, place] of [
      ...(isPosix ? [['unix', join(await directory(), 'socket')] as const] : []),
      ['memu', 'nobody-is-denied'],
    ] as const) {
      const server = await serving({ Any: { method: () => 'ok' } }, { allow: [], deny: ['0.0.0.0/0'] }, [
        network,
        place,
      ])
      expect(await clientOf<{ method(): string }>('Any', [server]).call('method')).toBe('ok')
    }
  })

  test.each(['localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '', '::/129'])('reject %j', entry => {
    expect(() => new Server({ deny: [entry] })).toThrow(
      new TypeError(`Server: deny has ${JSON.stringify(entry)}, not an IP address or a subnet`),
    )
  })
})

describe('bytes that are not a frame', () => {
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['half an HTTP request', 'P'],
    ['a TLS hello', Buffer.from('16030100c8010000c40303', 'hex')],
    ['random bytes', Buffer.from('ff00ff00ff00ff00', 'hex')],
  ])('%s close the connection at once, and it is counted', async (_what, bytes) => {
    const { server, gone } = await watched({ idleTimeoutMs: 0, frameTimeoutMs: 0 })
    const peer = await peerOf(server)
    const closed = happening(server, 'connectionClosed')
    peer.send(bytes)
    expect((await closed).error).toMatchObject({ code: 'ERR_RPCX_FRAME' })
    await peer.closed()
    await gone()
    expect(server.metrics).toMatchObject({ failedConnections: 1, openConnections: 0, receivedCalls: 0 })
  })

  test('a frame that comes byte by byte is cut off after frameTimeoutMs, even if bytes keep coming', async () => {
    const { server, gone } = await watched({ frameTimeoutMs: 200 })
    const peer = await peerOf(server)
    const closed = happening(server, 'connectionClosed')
    const startedAt = performance.now()
    let at = 0
    const drip = setInterval(() => peer.send(request().subarray(at, ++at)), 20)
    const { error } = await closed
    clearInterval(drip)
    const ms = performance.now() - startedAt
    expect(error).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
      message: 'session: a frame was not complete within 200 ms',
    })
    expect(ms).toBeGreaterThanOrEqual(195)
    expect(ms).toBeLessThan(1_500)
    await gone()
  })

  test('many frames that each come in two parts are not a slow frame', async () => {
    const { server } = await watched({ frameTimeoutMs: 200 })
    const peer = await peerOf(server)
    const bytes = request()
    const startedAt = performance.now()
    peer.send(bytes.subarray(0, 20))
    for (let i = 0; performance.now() - startedAt < 600; i++) {
      peer.send(Buffer.concat([bytes.subarray(20), bytes.subarray(0, 20)]))
      await peer.message(i)
    }
    expect(peer.isClosed).toBe(false)
  })
})
