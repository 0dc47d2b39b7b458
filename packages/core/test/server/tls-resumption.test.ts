import { once } from 'node:events'
import type { ConnectionOptions, SecureVersion, TLSSocket, TlsOptions } from 'node:tls'
import { connect, createSecureContext } from 'node:tls'
import type { CallContext, Server, ServerOptions } from '@rpcx/core'
import { describe, expect, test, vi } from 'vitest'
import { authority, identity } from '../../../../tools/servers/src/certificates.ts'
import { ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { closing, happening, portOf, serving } from '../helpers.ts'

const ours = authority('our authority')
const theirs = authority('another authority')
const good = identity(ours, 'server')
const mutual = { ...good, ca: ours.cert, requestCert: true }
const client = identity(ours, 'client')
const forged = identity(theirs, 'admin')

const who = {
  who: (_: unknown, { connection }: CallContext) => connection.peerCertificate?.subject.CN ?? null,
}

function secured(tls: ServerOptions['tls'], options: ServerOptions = {}): Promise<Server> {
  return serving({ Who: who }, { tls, ...options } as ServerOptions)
}

/** Resolves to the reply to a client, and the TLS session for its next connection. */
async function visit(server: Server, options: ConnectionOptions = {}) {
  const socket = closing(
    Object.assign(connect({ port: portOf(server), host: '127.0.0.1', ca: ours.cert, ...options }), {
      close: () => socket.destroy(),
    }),
  ) as TLSSocket
  let session: Buffer | undefined
  socket.on('session', ticket => {
    session = ticket
  })
  await once(socket, 'secureConnect')
  const peer = new BarePeer(socket)
  peer.send(frame({ service: 'Who', method: 'who', payload: 'null' }))
  const reply = await peer.message(0)
  const isReused = socket.isSessionReused()
  const error = reply.metadataValue(ReservedKey.error)
  socket.destroy()
  return { session: session ?? socket.getSession(), isReused, error, reply: reply.payload.toString() }
}

const NONE = 'tls: the certificate of the client is not accepted: there is none'

describe.each<SecureVersion>(['TLSv1.3', 'TLSv1.2'])('a resumed session of %s', maxVersion => {
  test('gives no access to a client that showed no certificate at first', async () => {
    const server = await secured({ ...mutual, maxVersion })
    const first = await visit(server)
    expect(first.error).toBe(NONE)
    const refused = happening(server, 'connectionRefused')
    expect((await visit(server, { session: first.session })).error).toBe(NONE)
    expect((await refused).error).toMatchObject({ code: 'ERR_RPCX_TLS' })
  })

  test('has no certificate where they are optional and the client showed none, or an invalid one', async () => {
    const server = await secured({ ...mutual, rejectUnauthorized: false, maxVersion })
    for (const shown of [{}, forged]) {
      const first = await visit(server, shown)
      expect(first.reply).toBe('null')
      expect((await visit(server, { ...shown, session: first.session })).reply).toBe('null')
      expect((await visit(server, { session: first.session })).reply).toBe('null')
    }
  })

  test('passes no authenticate() that requires a certificate', async () => {
    const authenticate = ({ connection }: CallContext) => connection.peerCertificate !== undefined
    const server = await secured({ ...mutual, rejectUnauthorized: false, maxVersion }, { authenticate })
    const first = await visit(server)
    expect(first.error).toBe('invalid token')
    expect((await visit(server, { session: first.session })).error).toBe('invalid token')
    expect((await visit(server, client)).reply).toBe('"client"')
  })

  test('keeps the certificate of its owner', async () => {
    const server = await secured({ ...mutual, maxVersion })
    const first = await visit(server, client)
    const again = await visit(server, { ...client, session: first.session })
    expect(again).toMatchObject({ reply: '"client"', isReused: true })
  })

  test('ends when the certificate has expired', async () => {
    const notAfter = new Date(Date.now() + 60_000)
    const server = await secured({ ...mutual, maxVersion })
    const short = identity(ours, 'client', { notAfter })
    const first = await visit(server, short)
    expect(first.reply).toBe('"client"')
    const clock = vi.spyOn(Date, 'now').mockReturnValue(notAfter.getTime() + 1_000)
    try {
      const again = await visit(server, { ...short, session: first.session })
      expect(again.error).toBe('tls: the certificate of the client is not accepted: CERT_HAS_EXPIRED')
    } finally {
      clock.mockRestore()
    }
  })

  test('ends when its authority is removed, also if the ticket keys stay', async () => {
    for (const ticketKeys of [undefined, Buffer.alloc(48, 7)]) {
      const tls = { ...mutual, maxVersion, ...(ticketKeys && { ticketKeys }) }
      const server = await secured(tls)
      const first = await visit(server, client)
      expect(first.reply).toBe('"client"')
      server.setSecureContext({ ca: theirs.cert })
      const again = await visit(server, { ...client, session: first.session })
      expect(again.error).toMatch('the certificate of the client is not accepted')
      expect((await visit(server, forged)).reply).toBe('"admin"')
    }
  })
})

test('setSecureContext keeps the options that it does not get: authorities, versions', async () => {
  const server = await secured({ ...mutual, maxVersion: 'TLSv1.2' })
  server.setSecureContext(identity(ours, 'another server'))
  expect((await visit(server, client)).reply).toBe('"client"')
  expect((await visit(server, forged)).error).toMatch('is not accepted')
  const socket = connect({ port: portOf(server), host: '127.0.0.1', ca: ours.cert, minVersion: 'TLSv1.3' })
  const [error] = await once(socket, 'error')
  expect(error.code).toMatch(/ALERT_PROTOCOL_VERSION/)
})

test('a client that renegotiates, perhaps with another certificate, is disconnected', async () => {
  const server = await secured({ ...mutual, maxVersion: 'TLSv1.2' })
  const socket = connect({
    port: portOf(server),
    host: '127.0.0.1',
    ca: ours.cert,
    ...client,
    maxVersion: 'TLSv1.2',
  })
  await once(socket, 'secureConnect')
  const peer = closing(new BarePeer(socket))
  peer.send(frame({ service: 'Who', method: 'who', payload: 'null' }))
  expect((await peer.message(0)).payload.toString()).toBe('"client"')
  const closed = happening(server, 'connectionClosed')
  socket.renegotiate({}, () => {})
  expect((await closed).error).toMatchObject({ code: 'ERR_TLS_RENEGOTIATION_DISABLED' })
  await peer.closed()
})

test.each([null, 0, undefined, true])(
  'rejectUnauthorized: %s requests a certificate, as every value except false does',
  async value => {
    const server = await secured({ ...mutual, rejectUnauthorized: value as boolean })
    expect((await visit(server)).error).toBe(NONE)
  },
)

test.each<SecureVersion>(['TLSv1.3', 'TLSv1.2'])(
  'a session is not resumed where a callback chooses the authorities: %s',
  async maxVersion => {
    const contexts = {
      a: createSecureContext({ ...good, ca: ours.cert }),
      b: createSecureContext({ ...good, ca: theirs.cert }),
    }
    const SNICallback: TlsOptions['SNICallback'] = (name, done) =>
      done(null, name === 'b.test' ? contexts.b : contexts.a)
    const server = await secured({ ...mutual, maxVersion, SNICallback, ticketKeys: Buffer.alloc(48, 7) })
    const checkServerIdentity = () => undefined
    const at = (servername: string) => ({ ...client, servername, checkServerIdentity })
    const first = await visit(server, at('a.test'))
    expect(first.reply).toBe('"client"')
    expect((await visit(server, at('b.test'))).error).toMatch('is not accepted')
    expect((await visit(server, { ...at('b.test'), session: first.session })).error).toMatch(
      'is not accepted',
    )
  },
)
