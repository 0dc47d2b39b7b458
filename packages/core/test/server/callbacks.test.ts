import { once } from 'node:events'
import { connect } from 'node:net'
import type { CallContext, Codec, Door, Schema, ServerOptions, Transport } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, happening, portOf, serving } from '../helpers.ts'

// Functions of the program fail in every possible way, while another call runs on the same connection.

const boom = new Error('boom')

/** The ways in which a function fails. */
const WAYS: readonly [string, () => never][] = [
  [
    'throws',
    () => {
      throw boom
    },
  ],
  ['rejects', () => Promise.reject(boom) as never],
  [
    'returns a promise that breaks when it is looked at',
    () =>
      Object.defineProperty({}, 'then', {
        get() {
          throw boom
        },
      }) as never,
  ],
  [
    'throws what has no text',
    () => {
      throw Object.create(null)
    },
  ],
]

interface S {
  wait(): string
  hi(): string
}

/** Returns a client with a running call, which must not be affected. */
async function besides(
  options: ServerOptions,
  prepare: (server: Awaited<ReturnType<typeof serving>>) => void = () => {},
) {
  const arrived = new Gate()
  const leave = new Gate<string>()
  const service = {
    wait: () => {
      arrived.open()
      return leave.opened
    },
    hi: () => 'hi',
  }
  const server = await serving({ S: service, T: { hi: () => 'hi' } }, options)
  const peer = closing(await BarePeer.connect(portOf(server)))
  peer.send(frame({ seq: 1, service: 'S', method: 'wait', payload: 'null', metadata: { fine: 'yes' } }))
  await arrived.opened
  prepare(server)
  return {
    server,
    peer,
    /** Makes the call that should fail, and asserts that the other one does not. */
    async failing(): Promise<{ code: string | undefined; text: string | undefined }> {
      peer.send(frame({ seq: 2, service: 'S', method: 'hi', payload: '"x"' }))
      const reply = await peer.message(0)
      leave.open('still here')
      expect((await peer.message(1)).payload.toString()).toBe('"still here"')
      return { code: reply.metadataValue(ReservedKey.code), text: reply.metadataValue(ReservedKey.error) }
    },
  }
}

const isFine = ({ metadata }: CallContext): boolean => metadata.fine === 'yes'

describe.each(WAYS)('a function that %s', (_way, fail) => {
  test('as rateLimit.by fails that call alone, with an event', async () => {
    const { server, failing } = await besides({
      rateLimit: { callsPerSecond: 9, by: call => (isFine(call) ? 'fine' : fail()) },
    })
    const told = happening(server, 'callbackFailed')
    expect(await failing()).toEqual({
      code: 'ERR_RPCX_SERVICE',
      text: 'rpcx: the rate limit of the server failed',
    })
    expect(await told).toMatchObject({ callback: 'rateLimit.by', error: expect.any(Error) })
  })

  test.each(['afterRead', 'beforeCall'] as const)('as the hook %s fails that call alone', async hook => {
    const { server, failing } = await besides({}, server => {
      server.plugins.add({
        attach: () => ({ [hook]: (call: CallContext) => (isFine(call) ? undefined : fail()) }),
      })
    })
    const told = happening(server, 'pluginFailed')
    expect(await failing()).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
      text: 'rpcx: a plugin of the server failed',
    })
    expect((await told).error).toBeInstanceOf(Error)
  })

  test.each(['afterCall', 'beforeWrite', 'afterWrite'] as const)(
    'as the hook %s is reported, and the reply stays',
    async hook => {
      const { server, failing } = await besides({}, server => {
        server.plugins.add({
          attach: () => ({ [hook]: (call: CallContext) => (isFine(call) ? undefined : fail()) }),
        })
      })
      const told = happening(server, 'pluginFailed')
      expect(await failing()).toEqual({ code: undefined, text: undefined })
      expect((await told).error).toBeInstanceOf(Error)
    },
  )

  test('as a codec or a schema fails that call alone', async () => {
    const codec: Codec = { name: 'broken', id: 9, encode: fail, decode: fail }
    const schema: Schema = { '~standard': { version: 1, vendor: 'test', validate: fail } }
    const server = await serving({}, { codecs: [codec] })
    server.registerName('S', { hi: () => 'hi', plain: () => 'plain' }, '', {
      types: { hi: { args: schema } },
    })
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(frame({ seq: 1, service: 'S', method: 'hi', payload: 'null' }))
    peer.send(frame({ seq: 2, service: 'S', method: 'plain', serialize: 9, payload: Buffer.from('x') }))
    peer.send(frame({ seq: 3, service: 'S', method: 'plain', payload: 'null' }))
    const replies = await Promise.all([0, 1, 2].map(index => peer.message(index)))
    expect(replies[0]?.metadataValue(ReservedKey.code)).toBe('ERR_RPCX_ARGUMENT')
    expect(replies[1]?.isError).toBe(true)
    expect(replies[2]?.payload.toString()).toBe('"plain"')
  })

  test('as authenticate refuses that connection and no other', async () => {
    const server = await serving(
      { S: { hi: () => 'hi' } },
      { authenticate: ({ token }) => (token === 'good' ? true : fail()) },
    )
    const good = clientOf<S>('S', [server], { token: 'good' })
    expect(await good.call('hi')).toBe('hi')
    const told = happening(server, 'authenticationFailed')
    expect(await failure(clientOf<S>('S', [server], { token: 'bad' }).call('hi'))).toMatchObject({
      code: 'ERR_RPCX_AUTH',
    })
    await told
    expect(await good.call('hi')).toBe('hi')
  })

  test.each(['matches', 'open'] as const)('as %s of a door closes that connection alone', async name => {
    const door: Door = { matches: () => 'yes', open: fail, [name]: fail }
    const server = await serving({ S: { hi: () => 'hi' } }, { doors: [door] })
    const told = happening(server, 'callbackFailed')
    const unknownPeer = connect(portOf(server), '127.0.0.1')
    unknownPeer.on('error', () => {}).write('hello?')
    expect(await told).toMatchObject({ callback: 'doors', error: expect.any(Error) })
    await once(unknownPeer.resume(), 'close')
    expect(await clientOf<S>('S', [server]).call('hi')).toBe('hi')
  })

  test('as close of a listener is reported, and the server closes', async () => {
    const own: Transport = {
      networks: ['own'],
      connect: fail,
      listen: async (_network, host) => ({ host, close: fail }),
    }
    const server = await serving({ S: { hi: () => 'hi' } }, { transports: [own] }, ['own', 'here'])
    const told = happening(server, 'callbackFailed')
    await server.close()
    expect(await told).toMatchObject({ callback: 'transports', error: expect.any(Error) })
    expect(server.health).toBe('closed')
  })

  test('as an asynchronous hook does not affect the other plugins', async () => {
    const server = await serving({ S: { hi: () => 'hi' } })
    const heard: string[] = []
    const hear = (what: string) => async (): Promise<void> => void heard.push(what)
    server.plugins.add({ attach: () => ({ changed: fail, unregistered: fail, published: fail }) })
    server.plugins.add({
      attach: () => ({
        changed: hear('changed'),
        unregistered: hear('unregistered'),
        published: hear('published'),
      }),
    })
    await Promise.allSettled([server.setMetadata('S', 'a=1'), server.published(), server.unregister('S')])
    expect(heard.toSorted()).toEqual(['changed', 'published', 'unregistered'])
  })

  test('as the hook connectionOpened closes that connection', async () => {
    const server = await serving({ S: { hi: () => 'hi' } })
    let isBroken = false
    server.plugins.add({ attach: () => ({ connectionOpened: () => (isBroken ? fail() : undefined) }) })
    const before = clientOf<S>('S', [server])
    expect(await before.call('hi')).toBe('hi')
    isBroken = true
    const peer = closing(await BarePeer.connect(portOf(server)))
    await peer.closed()
    expect(await before.call('hi')).toBe('hi')
  })
})

test("invented service names share one rate limit, and use none of a service's tokens", async () => {
  const server = await serving({ S: { hi: () => 'hi' } }, { rateLimit: { callsPerSecond: 0.001, burst: 3 } })
  const peer = closing(await BarePeer.connect(portOf(server)))
  const call = (seq: number, service: string): Buffer =>
    frame({ seq, service, method: 'hi', payload: 'null' })
  for (let seq = 0; seq < 3; seq++) peer.send(call(seq, 'S'))
  for (let seq = 3; seq < 20_003; seq++) peer.send(call(seq, `invented ${seq}`))
  peer.send(call(20_003, 'S'))
  await peer.message(20_003)
  const told = peer.messages.map(message => message.metadataValue(ReservedKey.code))
  expect(told.slice(0, 3)).toEqual([undefined, undefined, undefined])
  expect(told.filter(code => code === 'ERR_RPCX_SERVICE_NOT_FOUND')).toHaveLength(3)
  expect(told[20_003]).toBe('ERR_RPCX_NOT_EXECUTED')
})

test("thousands of new callers each cost the rate limit a constant time, and the first caller's tokens stay used", async () => {
  const server = await serving(
    { S: { hi: () => 'hi' } },
    { rateLimit: { callsPerSecond: 0.001, burst: 1, by: ({ metadata }) => metadata.user ?? '' } },
  )
  const peer = closing(await BarePeer.connect(portOf(server)))
  const call = (seq: number, user: string): Buffer =>
    frame({ seq, service: 'S', method: 'hi', payload: 'null', metadata: { user } })
  peer.send(call(0, 'first'))
  const many = 30_000
  for (let seq = 1; seq <= many; seq++) peer.send(call(seq, `user ${seq}`))
  peer.send(call(many + 1, 'first'))
  await peer.message(many + 1)
  const last = peer.messages.find(({ seq }) => seq === many + 1)
  expect(last?.metadataValue(ReservedKey.code)).toBe('ERR_RPCX_NOT_EXECUTED')
})
