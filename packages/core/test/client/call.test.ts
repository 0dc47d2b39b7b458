import { randomBytes } from 'node:crypto'
import type { CallContext } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { compress, decompress } from '../../src/wire/compress.ts'
import { Flag, ReservedKey, Serialize } from '../../src/wire/header.ts'
import type { BareFrame } from '../bare-frame.ts'
import { BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, serving } from '../helpers.ts'

interface Arith {
  Mul(args: { A: number; B: number }): { C: number }
}

interface Any {
  method(args?: unknown): unknown
}

const arith: Arith = { Mul: ({ A, B }) => ({ C: A * B }) }

/** A server that gives the same answer to every request. */
async function answering(reply: BareFrame): Promise<BareServer> {
  return closing(await BareServer.listen({ onMessage: (message, peer) => peer.reply(message, reply) }))
}

const errorReply = (text: string, code?: string): BareFrame => ({
  flags: Flag.error,
  metadata: { [ReservedKey.error]: text, ...(code !== undefined && { [ReservedKey.code]: code }) },
})

describe('a call', () => {
  test('resolves to the reply', async () => {
    const client = clientOf<Arith>('Arith', [await serving({ Arith: arith })])
    expect(await client.call('Mul', { A: 10, B: 20 })).toEqual({ C: 200 })
  })

  test('among many gets its own reply, in whatever order the replies come', async () => {
    const gates = new Map<number, Gate>()
    const method = async (n: number): Promise<number> => {
      const gate = new Gate()
      gates.set(n, gate)
      if (gates.size === 100) for (const each of [...gates.values()].reverse()) each.open()
      await gate.opened
      return n
    }
    const client = clientOf<Any>('Any', [await serving({ Any: { method } })])
    const numbers = [...Array(100).keys()]
    expect(await Promise.all(numbers.map(n => client.call('method', n)))).toEqual(numbers)
  })

  test.each(['tcp', 'memu'])('over %s gets its reply, however many bytes are sent at once', async network => {
    const host = network === 'tcp' ? '127.0.0.1:0' : 'much'
    const server = await serving({ Any: { method: (args: unknown) => args } }, {}, [network, host])
    const client = clientOf<Any>('Any', [server], { timeoutMs: 10_000 })
    await client.call('method')
    const numbers = [...Array(1_000).keys()]
    expect(await Promise.all(numbers.map(n => client.call('method', n)))).toEqual(numbers)
    const bytes = randomBytes(1_000_000)
    expect(bytes.equals((await client.call('method', bytes)) as Uint8Array)).toBe(true)
  })

  test('shares one connection with all other calls', async () => {
    const server = await answering({ payload: '1' })
    const client = clientOf<Any>('Any', [server])
    await Promise.all([client.call('method'), client.call('method')])
    await client.call('method')
    expect(server.peers).toHaveLength(1)
  })

  test('of a method that returns nothing resolves to undefined or null, depending on its codec', async () => {
    const server = await serving({ Any: { method: () => undefined } })
    expect(await clientOf<Any>('Any', [server]).call('method')).toBeNull()
    expect(await clientOf<Any>('Any', [await answering({ payload: '' })]).call('method')).toBeUndefined()
  })

  test('sends metadata, and invoke() returns those of the reply', async () => {
    const method = (_: unknown, { metadata, responseMetadata }: CallContext): void => {
      responseMetadata.heard = `${metadata.lang} ${metadata[ReservedKey.auth]}`
    }
    const server = await serving({ Any: { method } })
    const client = clientOf<Any>('Any', [server], { token: 'secret' })
    const options = { metadata: { lang: 'de', [ReservedKey.auth]: 'forged' } }
    expect(await client.invoke('method', undefined, options)).toEqual({
      reply: null,
      metadata: { heard: 'de secret' },
      endpoint: server.address,
      attempts: 1,
    })
  })

  test('with an argument that cannot be encoded fails alone, with ERR_RPCX_ARGUMENT', async () => {
    const client = clientOf<Any>('Any', [await serving({ Any: { method: () => 1 } })], { codec: 'json' })
    const [bad, good] = await Promise.all([failure(client.call('method', 1n)), client.call('method')])
    expect(bad).toMatchObject({ code: 'ERR_RPCX_ARGUMENT', cause: { name: 'TypeError' } })
    expect(bad.message).toMatch('Any.method: cannot encode the arguments')
    expect(good).toBe(1)
  })

  test('with metadata that are not strings throws a TypeError, and leaves nothing behind', async () => {
    const client = clientOf<Any>('Any', [await serving({ Any: { method: () => 1 } })])
    for (const value of [undefined, 1, null]) {
      const metadata = { count: value } as never
      expect(await failure(client.call('method', 1, { metadata }))).toBeInstanceOf(TypeError)
    }
    expect(await client.call('method')).toBe(1)
  })
})

describe('a codec', () => {
  test.each([
    ['json', Serialize.json],
    ['msgpack', Serialize.msgpack],
  ] as const)('%s is named in each request, and the reply is in the same codec', async (codec, serialize) => {
    const seen: number[] = []
    const spy = await answering({ serialize, payload: codec === 'json' ? '[1]' : Buffer.from([0x91, 1]) })
    const client = clientOf<Any>('Any', [spy], { codec })
    expect(await client.call('method', { a: 1 })).toEqual([1])
    seen.push((await (await spy.peer(0)).message(0)).serialize)
    expect(seen).toEqual([serialize])
    const real = clientOf<Any>('Any', [await serving({ Any: { method: (args: unknown) => args } })], {
      codec,
    })
    expect(await real.call('method', { a: [1, 'two', null] })).toEqual({ a: [1, 'two', null] })
  })

  test('raw returns bytes that never change later, also when replies share reads or span several', async () => {
    const Echo = (bytes: Uint8Array): Uint8Array => bytes
    const client = clientOf<{ Echo: typeof Echo }>('Echo', [await serving({ Echo: { Echo } })], {
      codec: 'raw',
    })
    const sent = [20, 300, 20, 90_000, 500, 70_000].map((length, i) => Buffer.alloc(length, i + 1))
    const together = await Promise.all(sent.map(bytes => client.call('Echo', bytes)))
    const inTurn: Uint8Array[] = []
    for (const bytes of sent) inTurn.push(await client.call('Echo', bytes))
    expect(together).toEqual(sent)
    expect(inTurn).toEqual(sent)
  })

  test('raw passes bytes through, and rejects everything else', async () => {
    const method = (bytes: Uint8Array): Uint8Array => Buffer.from(bytes).reverse()
    const client = clientOf<Any>('Any', [await serving({ Any: { method } })], { codec: 'raw' })
    expect(await client.call('method', Buffer.from([1, 2, 3]))).toEqual(Buffer.from([3, 2, 1]))
    expect(await client.call('method', new Uint8Array())).toEqual(Buffer.alloc(0))
    expect(await failure(client.call('method', 'text'))).toMatchObject({ code: 'ERR_RPCX_ARGUMENT' })
  })

  test('is chosen by the reply, not by the request', async () => {
    const server = await answering({ serialize: Serialize.json, payload: '"in JSON"' })
    expect(await clientOf<Any>('Any', [server]).call('method')).toBe('in JSON')
  })
})

describe('a reply that cannot be decoded', () => {
  test.each<[string, BareFrame]>([
    ['of broken JSON', { payload: '{"cut' }],
    ['of broken MessagePack', { payload: Buffer.from([0xc1]) }],
    ['in an unknown codec', { serialize: 9, payload: 'any' }],
    ['of broken gzip', { flags: Flag.gzip, payload: 'no gzip' }],
    ['that is a gzip bomb', { flags: Flag.gzip, payload: compress(Buffer.alloc(2_000_000)) }],
  ])('%s fails that call only, with ERR_RPCX_CODEC', async (_what, bad) => {
    const server = await BareServer.listen({
      onMessage: (message, peer) =>
        peer.reply(message, message.method === 'bad' ? bad : { payload: '"good"' }),
    })
    closing(server)
    const client = clientOf<{ bad(): void; good(): string }>('Any', [server], { maxFrameBytes: 1_000_000 })
    const [error, good] = await Promise.all([failure(client.call('bad')), client.call('good')])
    expect(error).toMatchObject({ code: 'ERR_RPCX_CODEC', cause: expect.any(Error) })
    expect(error.message).toMatch('Any.bad: cannot decode the reply')
    expect(good).toBe('good')
    expect(server.peers).toHaveLength(1)
  })
})

describe('an error reply', () => {
  test.each([
    ["rpcx: can't find service Arith", 'ERR_RPCX_SERVICE_NOT_FOUND'],
    ["rpcx: can't find method Mul", 'ERR_RPCX_METHOD_NOT_FOUND'],
    ['can not find codec for 9', 'ERR_RPCX_CODEC'],
    ['anything else', 'ERR_RPCX_SERVICE'],
  ])('of Go with the message %j is %s', async (text, code) => {
    const client = clientOf<Any>('Any', [await answering(errorReply(text))])
    expect(await failure(client.call('method'))).toMatchObject({ code, message: text })
  })

  test.each([
    ['an empty message', errorReply('')],
    ['no message', { flags: Flag.error }],
  ])('with %s is ERR_RPCX_SERVICE, and says that the server gave no reason', async (_what, reply) => {
    const client = clientOf<Any>('Any', [await answering(reply)])
    expect(await failure(client.call('method'))).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
      message: 'Any.method: the service failed without saying why',
    })
  })

  test('of our server has the code that it names, if that code exists', async () => {
    const ours = clientOf<Any>('Any', [await answering(errorReply('no', 'ERR_RPCX_AUTH'))])
    expect(await failure(ours.call('method'))).toMatchObject({ code: 'ERR_RPCX_AUTH', message: 'no' })
    const unknown = clientOf<Any>('Any', [await answering(errorReply('no', 'ERR_RPCX_OF_TOMORROW'))])
    expect(await failure(unknown.call('method'))).toMatchObject({ code: 'ERR_RPCX_SERVICE' })
  })

  test('of a server that stops at the deadline is a time-out like our own; without a deadline it is a failure', async () => {
    const reply = errorReply('context deadline exceeded')
    const client = clientOf<Any>('Any', [await answering(reply)])
    expect(await failure(client.call('method'))).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    expect(await failure(client.call('method', 1, { timeoutMs: 0 }))).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
    })
  })

  test('of our server says what was not found', async () => {
    const server = await serving({ Arith: arith })
    const noService = clientOf<Any>('Nobody', [server])
    expect(await failure(noService.call('method'))).toMatchObject({ code: 'ERR_RPCX_SERVICE_NOT_FOUND' })
    const noMethod = clientOf<Any>('Arith', [server])
    expect(await failure(noMethod.call('method'))).toMatchObject({ code: 'ERR_RPCX_METHOD_NOT_FOUND' })
    const codec = { name: 'mine', id: 9, encode: () => Buffer.alloc(1), decode: () => 1 }
    const noCodec = clientOf<Arith>('Arith', [server], { codec })
    expect(await failure(noCodec.call('Mul', { A: 1, B: 2 }))).toMatchObject({
      code: 'ERR_RPCX_CODEC',
      message: 'can not find codec for 9',
    })
  })
})

describe('compress', () => {
  test.each([
    [1024, false],
    [1025, true],
  ])('%d bytes in each direction are compressed: %s', async (length, isCompressed) => {
    const payload = Buffer.alloc(length, 'x')
    const seen: { flags: number; payload: Buffer }[] = []
    const server = await serving({ Any: { method: (bytes: Uint8Array) => bytes } })
    const spy = await BareServer.listen({
      onMessage(message, peer) {
        seen.push({ flags: message.flags, payload: message.payload })
        const zip = (message.flags & Flag.gzip) !== 0
        peer.reply(message, { flags: zip ? Flag.gzip : 0, serialize: 0, payload: message.payload })
      },
    })
    for (const each of [server, closing(spy)]) {
      const client = clientOf<Any>('Any', [each], { codec: 'raw', compress: 'gzip' })
      expect(await client.call('method', payload)).toEqual(payload)
    }
    const [{ flags, payload: sent }] = seen as [(typeof seen)[number]]
    expect((flags & Flag.compress) === Flag.gzip).toBe(isCompressed)
    expect(sent.length < payload.length).toBe(isCompressed)
    expect(decompress(sent, flags, 2_000)).toEqual(payload)
  })

  test('is not requested by a client that does not compress', async () => {
    const noise = randomBytes(4_096)
    const seen: number[] = []
    const spy = await BareServer.listen({
      onMessage(message, peer) {
        seen.push(message.flags & Flag.compress)
        peer.reply(message, { serialize: 0, payload: message.payload })
      },
    })
    const client = clientOf<Any>('Any', [closing(spy)], { codec: 'raw' })
    expect(await client.call('method', noise)).toEqual(noise)
    expect(seen).toEqual([0])
  })
})

describe('notify', () => {
  test('sends a one-way request and resolves without a reply', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server])
    expect(await client.notify('method', 1)).toBeUndefined()
    expect(await (await server.peer(0)).message(0)).toMatchObject({ isOneway: true, method: 'method' })
  })

  test('rejects when no server is available', async () => {
    const client = clientOf<Any>('Any', [{ address: 'memu@nobody-here' }])
    expect(await failure(client.notify('method'))).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
  })
})
