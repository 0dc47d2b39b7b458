import { once } from 'node:events'
import { createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Flag } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, serving } from '../helpers.ts'

interface S {
  put(bytes: Uint8Array): number
  big(): Uint8Array
  hi(): string
  wait(): string
}

const MIB = 1024 * 1024

/** Returns servers with a running call each, and a client. */
async function serversAndClient() {
  const leave = new Gate<string>()
  let arrived = 0
  let puts = 0
  const service = {
    put: () => ++puts,
    big: () => Buffer.alloc(17 * MIB),
    hi: () => 'hi',
    wait: () => {
      arrived++
      return leave.opened
    },
  }
  const servers = await Promise.all([0, 1, 2].map(() => serving({ S: service })))
  const client = clientOf<S>('S', servers, {
    failMode: 'failover',
    selectMode: 'roundRobin',
    idempotent: ['put', 'big'],
  })
  const waiting = [0, 1, 2].map(() => client.call('wait'))
  while (arrived < 3) await client.call('hi')
  const retried: string[] = []
  client.on('retried', ({ method }) => retried.push(method))
  client.on('ejected', ({ endpoint }) => retried.push(endpoint))
  return {
    client,
    puts: () => puts,
    /** Asserts that no other call failed. */
    async unharmed(): Promise<void> {
      leave.open('still here')
      expect(await Promise.all(waiting)).toEqual(['still here', 'still here', 'still here'])
      expect(retried).toEqual([])
      expect(client.snapshot().endpoints.map(({ state }) => state)).toEqual(['open', 'open', 'open'])
    },
  }
}

describe('a message that is too long fails alone, with its size and the limit, and is not repeated', () => {
  test('as arguments', async () => {
    const { client, puts, unharmed } = await serversAndClient()
    for (let i = 0; i < 12; i++) {
      const error = await failure(client.call('put', Buffer.alloc(17 * MIB)))
      expect(error).toMatchObject({ code: 'ERR_RPCX_FRAME', attempts: [] })
      expect(error.message).toMatch(/^the call: 178258\d\d bytes, more than maxFrameBytes 16777216$/)
    }
    expect(puts()).toBe(0)
    await unharmed()
  })

  test('as arguments that are too long once they are decompressed', async () => {
    const server = await serving({ S: { put: () => 1, hi: () => 'hi' } })
    const client = clientOf<S>('S', [server], { compress: 'gzip' })
    const error = await failure(client.call('put', Buffer.alloc(17 * MIB)))
    expect(error).toMatchObject({
      code: 'ERR_RPCX_FRAME',
      message: expect.stringMatching('maxFrameBytes 16777216'),
    })
    expect(await client.call('hi')).toBe('hi')
    expect(server.metrics.acceptedConnections).toBe(1)
  })

  test('as a reply', async () => {
    const { client, unharmed } = await serversAndClient()
    const error = await failure(client.call('big'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_FRAME' })
    expect(error.message).toMatch(
      /^S\.big: the reply of tcp@127\.0\.0\.1:\d+: 178258\d\d bytes, more than maxFrameBytes 16777216$/,
    )
    await unharmed()
  })
})

test.each([
  [
    'broken gzip',
    { flags: Flag.oneway | Flag.gzip, payload: Buffer.from('no gzip') },
    'gzip payload of 7 bytes',
  ],
  [
    'more than maxFrameBytes after decompression',
    { flags: Flag.oneway | Flag.gzip, payload: gzipSync(Buffer.alloc(2 * MIB)) },
    'longer than maxFrameBytes',
  ],
  [
    'a frame that is too long',
    { flags: Flag.oneway, payload: Buffer.alloc(2 * MIB) },
    'more than maxFrameBytes',
  ],
])('a push of %s is reported and dropped, and calls continue', async (_what, push, text) => {
  const server = closing(
    await BareServer.listen({
      onMessage: (message, peer) => {
        peer.send(frame(push))
        peer.send(frame({ flags: Flag.oneway, payload: Buffer.from('good') }))
        peer.reply(message, { payload: '"hi"' })
      },
    }),
  )
  const client = clientOf<S>('S', [server], { maxFrameBytes: MIB })
  const failed = new Promise<{ endpoint: string; error: Error }>(resolve => client.on('pushFailed', resolve))
  const pushed = new Promise<Uint8Array>(resolve => client.on('push', ({ payload }) => resolve(payload)))
  expect(await client.call('hi')).toBe('hi')
  const { endpoint, error } = await failed
  expect(endpoint).toBe(server.address)
  expect(error.message).toMatch(text)
  expect(Buffer.from(await pushed).toString()).toBe('good')
})

describe('a server that does not speak rpcx is recognised by its first bytes, and the call did not run', () => {
  test.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'ERR_RPCX_FRAME', 'the other side speaks HTTP'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', 'ERR_RPCX_FRAME', 'the other side speaks SSH'],
    ['TLS', '\x15\x03\x01\x00\x02\x02\x46', 'ERR_RPCX_TLS', 'the other side speaks TLS; set the option tls'],
    ['anything else', '\x00\x01', 'ERR_RPCX_FRAME', 'begins with 0x0 instead of 0x08'],
  ])('%s', async (_what, greeting, code, text) => {
    const server = createServer(socket =>
      socket.on('error', () => {}).once('data', () => socket.write(greeting)),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing(server)
    const { port } = server.address() as { port: number }
    const client = clientOf<S>('S', [{ address: `tcp@127.0.0.1:${port}` }])
    const error = await failure(client.call('hi'))
    expect(error).toMatchObject({ code })
    expect(error.message).toMatch(text)
  })

  test('so that another server gets the call, although it is not idempotent', async () => {
    const odd = createServer(socket =>
      socket.on('error', () => {}).once('data', () => socket.write('HTTP/1.1 400\r\n')),
    )
    odd.listen(0, '127.0.0.1')
    await once(odd, 'listening')
    closing(odd)
    const { port } = odd.address() as { port: number }
    const servers = [{ address: `tcp@127.0.0.1:${port}` }, await serving({ S: { hi: () => 'hi' } })]
    const client = clientOf<S>('S', servers, { failMode: 'failover', selectMode: 'roundRobin' })
    expect(await Promise.all([client.call('hi'), client.call('hi')])).toEqual(['hi', 'hi'])
  })
})

test('names and metadata that no peer would accept are rejected before they are sent', async () => {
  const server = await serving({
    S: {
      hi: () => 'hi',
      many(_: unknown, { responseMetadata }: { responseMetadata: Record<string, string> }) {
        for (let i = 0; i < 5_000; i++) responseMetadata[`key ${i}`] = ''
      },
    },
  })
  const client = clientOf<S & { many(): void }>('S', [server])
  const metadata = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`key ${i}`, '']))
  expect(await failure(client.call('hi', undefined, { metadata }))).toMatchObject({
    code: 'ERR_RPCX_ARGUMENT',
  })
  expect(await failure(client.call('x'.repeat(20_000) as 'hi'))).toMatchObject({ code: 'ERR_RPCX_ARGUMENT' })
  expect(await failure(client.call('many'))).toMatchObject({ code: 'ERR_RPCX_SERVICE' })
  expect(await client.call('hi')).toBe('hi')
  expect(server.metrics).toMatchObject({ acceptedConnections: 1, failedConnections: 0 })
})
