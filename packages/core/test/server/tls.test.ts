import { once } from 'node:events'
import type { Server as NetServer } from 'node:net'
import { connect as connectPlain } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { CallContext, ClientTls, Server, ServerOptions } from '@rpcx/core'
import { Server as RpcxServer } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { authority, identity } from '../../../../tools/servers/src/certificates.ts'
import { ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, directory, failure, happening, portOf, serving } from '../helpers.ts'
import { isPosix } from '../platform.ts'
import { until } from '../until.ts'

interface Who {
  who(): string
  peer(): string | null
}

const who = {
  who: () => 'me',
  peer: (_: unknown, { connection }: CallContext) => connection.peerCertificate?.subject.CN ?? null,
}

const ours = authority('our authority')
const theirs = authority('another authority')
const good = identity(ours, 'server')
const anyone = identity(ours, 'client')

const trusting = { ca: ours.cert }

function secured(tls: ServerOptions['tls'] = good, options: ServerOptions = {}): Promise<Server> {
  return serving({ Who: who }, { tls, ...options } as ServerOptions)
}

function caller(server: { readonly address: string | undefined }, tls?: ClientTls) {
  return clientOf<Who>('Who', [server], tls === undefined ? {} : { tls })
}

const request = (): Buffer => frame({ seq: 7, service: 'Who', method: 'who', payload: 'null' })

describe('TLS', () => {
  test('carries calls of any size, both ways', async () => {
    const server = await serving({ Echo: { echo: (bytes: Uint8Array) => bytes } }, { tls: good })
    const client = clientOf<{ echo(bytes: Uint8Array): Uint8Array }>('Echo', [server], {
      tls: trusting,
      codec: 'raw',
    })
    for (const length of [1, 100_000, 5_000_000]) {
      const sent = Buffer.alloc(length, length)
      expect(Buffer.compare(sent, await client.call('echo', sent))).toBe(0)
    }
  })

  test.each([
    ['tcp6', '[::1]:0'],
    ['tcp', 'localhost:0'],
  ])('works at %s %s', async (network, host) => {
    const server = closing(new RpcxServer({ tls: good, lingerMs: 0 }))
    server.registerName('Who', who)
    await server.serve(network, host)
    expect(await caller(server, trusting).call('who')).toBe('me')
  })

  test.runIf(isPosix)(
    'works on unix sockets, beside TCP, and beside memory, which needs no TLS',
    async () => {
      const server = await secured()
      const path = join(await directory(), 'who.sock')
      await server.serve('unix', path)
      await server.serve('memu', server.id)
      // A path is not a host name, so the client says which name the certificate must have.
      expect(
        await caller({ address: `unix@${path}` }, { ...trusting, servername: 'localhost' }).call('who'),
      ).toBe('me')
      expect(await caller({ address: `memu@${server.id}` }).call('who')).toBe('me')
      expect(await caller(server, trusting).call('who')).toBe('me')
    },
  )

  test('leaves ALPN to the program', async () => {
    const server = await secured({ ...good, ALPNProtocols: ['rpcx', 'h2'] })
    const socket = connect({ port: portOf(server), host: '127.0.0.1', ...trusting, ALPNProtocols: ['h2'] })
    await once(socket, 'secureConnect')
    expect(socket.alpnProtocol).toBe('h2')
    socket.destroy()
  })

  test('renews certificates while connections stay open', async () => {
    const server = await secured()
    const early = caller(server, trusting)
    const where = await early.invoke('who')
    const other = identity(theirs, 'server')
    server.setSecureContext(other)
    expect(await failure(caller(server, trusting).call('who'))).toMatchObject({ code: 'ERR_RPCX_TLS' })
    expect(await caller(server, { ca: theirs.cert }).call('who')).toBe('me')
    expect((await early.invoke('who')).endpoint).toBe(where.endpoint)
    expect(server.metrics.acceptedConnections).toBe(2)
  })

  test("calls the function in the client's tls option for each dial", async () => {
    const server = await secured({ ...good, ca: ours.cert, requestCert: true })
    let dials = 0
    const tls = () => ({ ...trusting, ...identity(ours, `client ${++dials}`) })
    const client = caller(server, tls)
    expect(await client.call('peer')).toBe('client 1')
    expect(await caller(server, tls).call('peer')).toBe('client 2')
  })

  test('rejects useless options when the server is created', () => {
    expect(() => new RpcxServer({ tls: { key: 'no key', cert: good.cert } })).toThrow()
    expect(() => new RpcxServer().setSecureContext(good)).toThrow(
      new TypeError('Server: setSecureContext() without the option tls'),
    )
  })
})

describe('a server that cannot be trusted', () => {
  const expired = new Date(Date.now() - 60_000)
  test.each([
    ['by its authority', identity(theirs, 'server'), /unable to verify the first certificate/],
    [
      'because it vouches for itself',
      { key: theirs.key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: theirs.cert },
      /self.signed certificate/,
    ],
    ['because it has expired', identity(ours, 'server', { notAfter: expired }), /certificate has expired/],
    [
      'because it is another',
      identity(ours, 'server', { hosts: ['other.example'] }),
      /127\.0\.0\.1 is not in the cert/,
    ],
  ])('%s is ERR_RPCX_TLS for its client, and reported on the server', async (_why, tls, text) => {
    const server = await secured(tls)
    const told = Promise.race([happening(server, 'connectionRefused'), happening(server, 'connectionClosed')])
    const error = await failure(caller(server, trusting).call('who'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_TLS' })
    expect(error.message).toMatch(text)
    await told
    await until(() => server.metrics.openConnections === 0)
    expect(server.metrics.receivedCalls).toBe(0)
  })
})

describe('a client that cannot be trusted', () => {
  const mutual = { ...good, ca: ours.cert, requestCert: true }

  test.each([
    ['has no certificate', {}, 'there is none'],
    ['has one of another authority', identity(theirs, 'client'), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [
      'has one that expired',
      identity(ours, 'client', { notAfter: new Date(Date.now() - 60_000) }),
      'CERT_HAS_EXPIRED',
    ],
  ])('since it %s gets ERR_RPCX_TLS, and runs nothing', async (_why, own, reason) => {
    let runs = 0
    const server = await serving({ Who: { who: () => ++runs } }, { tls: mutual })
    const refused = happening(server, 'connectionRefused')
    const text = `tls: the certificate of the client is not accepted: ${reason}`
    expect(await failure(caller(server, { ...trusting, ...own }).call('who'))).toMatchObject({
      code: 'ERR_RPCX_TLS',
      message: text,
    })
    const { error, remoteAddress } = await refused
    expect(error).toMatchObject({ code: 'ERR_RPCX_TLS', message: text })
    expect(remoteAddress).toMatch(/^tcp@127\.0\.0\.1:\d+$/)
    await until(() => server.metrics.openConnections === 0)
    expect(runs).toBe(0)
  })

  test('is disconnected even if it sends nothing', async () => {
    const server = await secured(mutual, { handshakeTimeoutMs: 100 })
    const socket = connect({ port: portOf(server), host: '127.0.0.1', ...trusting })
    socket.on('error', () => {})
    await once(socket.resume(), 'close')
    await until(() => server.metrics.openConnections === 0)
  })

  test('is accepted with rejectUnauthorized: false, and then has no certificate', async () => {
    const server = await secured({ ...mutual, rejectUnauthorized: false })
    expect(await caller(server, trusting).call('peer')).toBe(null)
    expect(await caller(server, { ...trusting, ...identity(theirs, 'stranger') }).call('peer')).toBe(null)
    expect(await caller(server, { ...trusting, ...anyone }).call('peer')).toBe('client')
  })

  test('may be recognised by authenticate', async () => {
    const server = await secured(mutual, {
      authenticate: ({ connection }) => connection.peerCertificate?.subject.CN === 'client',
    })
    expect(await caller(server, { ...trusting, ...anyone }).call('who')).toBe('me')
    const unknownPeer = caller(server, { ...trusting, ...identity(ours, 'stranger') })
    expect(await failure(unknownPeer.call('who'))).toMatchObject({ code: 'ERR_RPCX_AUTH' })
  })
})

describe('a TLS port', () => {
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 'tls: the client speaks HTTP'],
    ['a plain rpcx frame', request(), 'tls: the other side does not speak TLS'],
  ])('closes %s at once, with an alert', async (_what, bytes, message) => {
    const server = await secured()
    const refused = happening(server, 'connectionRefused')
    const peer = closing(await BarePeer.connect(portOf(server)).catch(() => undefined as never))
    const got: Buffer[] = []
    peer.socket.removeAllListeners('data').on('data', chunk => got.push(chunk))
    peer.send(bytes)
    const { error } = await refused
    expect(error).toMatchObject({ code: 'ERR_RPCX_TLS' })
    expect(error.message).toMatch(message)
    await peer.closed()
    expect(Buffer.concat(got).toString('hex')).toBe('1503010002020a')
    expect(server.metrics).toMatchObject({
      refusedConnections: 1,
      acceptedConnections: 0,
      openConnections: 0,
    })
  })

  test('disconnects a client that speaks no TLS and does not leave, and keeps nothing of it', async () => {
    const server = await secured(good, { maxConnections: 1 })
    const refused = happening(server, 'connectionRefused')
    const socket = connectPlain({ port: portOf(server), host: '127.0.0.1', allowHalfOpen: true })
    socket.write(request())
    await refused
    expect(await caller(server, trusting).call('who')).toBe('me')
    socket.destroy()
  })

  test.each([
    ['nothing at all', Buffer.alloc(0)],
    ['half a hello', Buffer.from('16030100c8010000c40303', 'hex')],
  ])('waits for %s no longer than handshakeTimeoutMs', async (_what, bytes) => {
    const server = await secured(good, { handshakeTimeoutMs: 100, maxConnections: 1 })
    const refused = happening(server, 'connectionRefused')
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(bytes)
    const startedAt = performance.now()
    expect((await refused).error).toMatchObject({
      code: 'ERR_RPCX_TLS',
      message: 'tls: the handshake took too long',
    })
    await peer.closed()
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    // Nothing of it counts any more.
    expect(await caller(server, trusting).call('who')).toBe('me')
  })

  test('counts connections in their handshake among maxConnections', async () => {
    const server = await secured(good, { maxConnections: 1 })
    const first = closing(await BarePeer.connect(portOf(server)))
    first.send(Buffer.from('16030100c8010000c40303', 'hex'))
    const refused = happening(server, 'connectionRefused')
    closing(await BarePeer.connect(portOf(server)))
    expect((await refused).error).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
  })

  test('drains a connection whose handshake ends after close() was called', async () => {
    const arrived = new Gate()
    const leave = new Gate()
    const wait = (): Promise<void> => {
      arrived.open()
      return leave.opened
    }
    const server = await serving({ Who: { wait, ...who } }, { tls: good, lingerMs: 50 })
    const call = clientOf<{ wait(): void }>('Who', [server], { tls: trusting }).call('wait')
    await arrived.opened
    const raw = connectPlain(portOf(server), '127.0.0.1')
    await once(raw, 'connect')
    // The server has accepted what connected before it.
    expect(await caller(server, trusting).call('who')).toBe('me')
    const closed = server.close()
    const late = connect({ socket: raw, servername: 'localhost', ...trusting })
    await once(late, 'secureConnect')
    await once(late.resume(), 'close')
    leave.open()
    await Promise.all([call, closed])
  })

  test('lets a server close while a handshake hangs', async () => {
    const server = await secured(good, { handshakeTimeoutMs: 60_000 })
    const peer = closing(await BarePeer.connect(portOf(server)))
    await until(() => server.metrics.openConnections === 0)
    await server.close()
    await peer.closed()
  })
})

test('a TLS client of a plain server gets ERR_RPCX_TLS', async () => {
  const server = await serving({ Who: who })
  expect(await failure(caller(server, trusting).call('who'))).toMatchObject({
    code: 'ERR_RPCX_TLS',
    message: expect.stringMatching(
      /tls: the other side went away during the handshake; does it speak TLS\?$/,
    ),
  })
})

describe('a plain client of our TLS port', () => {
  const plain = 'the other side speaks TLS; set the option tls'

  test.each([
    ['calls once', 1, 10],
    ['calls often, with a good deal', 50, 100_000],
  ])('that %s gets ERR_RPCX_TLS, and nothing ran', async (_what, calls, bytes) => {
    const server = await secured()
    const client = clientOf<{ who(args: Uint8Array): string }>('Who', [server])
    const call = (): Promise<Error> => failure(client.call('who', Buffer.alloc(bytes)))
    for (const error of await Promise.all(Array.from({ length: calls }, call))) {
      expect(error).toMatchObject({ code: 'ERR_RPCX_TLS' })
      expect(error.message).toMatch(plain)
    }
    // In back-off, or after another try.
    expect((await call()).message).toMatch(plain)
    expect(server.metrics).toMatchObject({ acceptedConnections: 0 })
  })

  test('goes to another server that is plain, although the call is not idempotent', async () => {
    const servers = [await secured(), await serving({ Who: who })]
    const client = clientOf<Who>('Who', servers, { failMode: 'failover', selectMode: 'roundRobin' })
    expect(await Promise.all([client.call('who'), client.call('who')])).toEqual(['me', 'me'])
  })

  test('that has methods, and therefore speaks first, gets it too', async () => {
    const client = clientOf<Who>('Who', [await secured()], { offers: { hi: () => 1 } })
    expect(await failure(client.call('who'))).toMatchObject({ code: 'ERR_RPCX_TLS' })
  })
})

describe('foreign servers', () => {
  async function at(server: NetServer): Promise<{ address: string }> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing({ close: () => void server.close() })
    return { address: `tcp@127.0.0.1:${(server.address() as { port: number }).port}` }
  }

  test('an HTTP port is ERR_RPCX_FRAME for a plain client, and ERR_RPCX_TLS for a TLS client', async () => {
    const { createServer } = await import('node:http')
    const server = await at(createServer())
    expect(await failure(caller(server).call('who'))).toMatchObject({
      code: 'ERR_RPCX_FRAME',
      message: expect.stringMatching('the other side speaks HTTP'),
    })
    expect(await failure(caller(server, trusting).call('who'))).toMatchObject({
      code: 'ERR_RPCX_TLS',
      message: expect.stringMatching('the other side does not speak TLS'),
    })
  })

  test('an HTTPS port is ERR_RPCX_FRAME for a TLS client', async () => {
    const { createServer } = await import('node:https')
    const server = await at(createServer(good))
    expect(await failure(caller(server, trusting).call('who'))).toMatchObject({
      code: 'ERR_RPCX_FRAME',
      message: expect.stringMatching('the other side speaks HTTP'),
    })
  })

  test('a TLS port that closes without an alert is suggested by the error, and the outcome stays unknown', async () => {
    const { createServer } = await import('node:tls')
    const server = await at(createServer(good))
    expect(await failure(caller(server).call('who'))).toMatchObject({
      code: 'ERR_RPCX_OUTCOME_UNKNOWN',
      message: expect.stringMatching(
        /before it answered anything; is it the port of an rpcx server, and does it expect TLS\?/,
      ),
    })
  })
})

test('a client that gets an alert after its handshake knows that its call did not run', async () => {
  // Like Go's servers, which reject a client only after its handshake.
  const { createServer } = await import('node:tls')
  const server = createServer({ ...good, ca: ours.cert, requestCert: true, minVersion: 'TLSv1.3' })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing(server)
  const { port } = server.address() as { port: number }
  const client = caller({ address: `tcp@127.0.0.1:${port}` }, trusting)
  const error = await failure(client.call('who'))
  expect(error).toMatchObject({ code: 'ERR_RPCX_TLS' })
  expect(error.message).toMatch(/certificate required/)
})

test('a client without the option tls connects by a plain socket', async () => {
  const socket = connectPlain(portOf(await serving({ Who: who })), '127.0.0.1')
  socket.write(request())
  const [bytes] = await once(socket, 'data')
  expect((bytes as Buffer).includes(ReservedKey.error)).toBe(false)
  socket.destroy()
})
