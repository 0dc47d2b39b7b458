import type { CallContext, Codec, ReverseCallContext, ServerConnection, ServerOptions } from '@rpcx/core'
import { RpcxError } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, ReservedKey, Serialize } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, portOf, serving } from '../helpers.ts'

interface Desk {
  enter(): string
}

/** Starts a server that keeps the connections of its callers. */
async function desk(options: ServerOptions = {}) {
  const entered = new Gate<ServerConnection>()
  const enter = (_: unknown, { connection }: CallContext): string => {
    entered.open(connection)
    return 'welcome'
  }
  return { server: await serving({ Desk: { enter } }, options), entered: entered.opened }
}

type Options = NonNullable<Parameters<typeof clientOf>[2]>

/** Resolves to the server's connection to a client with these functions. */
async function offering(offers: Options['offers'], options: Options = {}, serverOptions: ServerOptions = {}) {
  const { server, entered } = await desk(serverOptions)
  const client = clientOf<Desk>('Desk', [server], { offers: offers ?? {}, ...options })
  await client.call('enter')
  return { server, client, connection: await entered }
}

/** Resolves to the server's connection to a client that the test controls. */
async function bare(options: ServerOptions = {}) {
  const { server, entered } = await desk(options)
  const peer = closing(await BarePeer.connect(portOf(server)))
  peer.send(frame({ flags: Flag.heartbeat, seq: 1, metadata: { [ReservedKey.peer]: 'ts/1' } }))
  peer.send(frame({ seq: 2, service: 'Desk', method: 'enter', payload: 'null' }))
  await peer.message(1)
  return { peer, connection: await entered }
}

/** A function that waits for its signal and rejects with the reason, as one that hands it on does. */
function waiting() {
  const ended = new Gate<unknown>()
  const wait = (_: unknown, { signal }: ReverseCallContext) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        ended.open(signal.reason)
        reject(signal.reason)
      })
    })
  return { wait, ended: ended.opened }
}

describe('the deadline of a call to a client', () => {
  test('is known to its function', async () => {
    const see = (_: unknown, { remainingMs = -1, deadline = -1 }: ReverseCallContext) => ({
      remainingMs,
      inMs: deadline - Date.now(),
    })
    const { connection } = await offering({ see })
    const seen = (await connection.call('see', null, { timeoutMs: 60_000 })) as Record<string, number>
    for (const ms of [seen.remainingMs, seen.inMs]) {
      expect(ms).toBeGreaterThan(30_000)
      expect(ms).toBeLessThanOrEqual(60_001)
    }
  })

  test('aborts the signal of its function, and the call fails with ERR_RPCX_TIMEOUT', async () => {
    const { wait, ended } = waiting()
    const { connection } = await offering({ wait })
    expect(await failure(connection.call('wait', null, { timeoutMs: 30 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
    })
    expect(await ended).toMatchObject({ code: 'ERR_RPCX_TIMEOUT', message: 'context deadline exceeded' })
  })

  test('may pass at the client first, which is ERR_RPCX_TIMEOUT as well', async () => {
    const { peer, connection } = await bare()
    const call = failure(connection.call('wait'))
    const metadata = {
      [ReservedKey.error]: 'context deadline exceeded',
      [ReservedKey.code]: 'ERR_RPCX_SERVICE',
    }
    peer.reply(await peer.message(2), { flags: Flag.error, metadata })
    expect(await call).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
      message: 'wait: context deadline exceeded',
    })
  })

  test('is at most that of the call during which it is made, whose trace it passes on', async () => {
    const seen = new Gate<unknown[]>()
    const see = (_: unknown, { remainingMs = -1, metadata }: ReverseCallContext) => {
      seen.open([remainingMs <= 5_000 && remainingMs > 0, metadata.traceparent])
    }
    const enter = (_: unknown, context: CallContext) =>
      context.connection.call('see', null, { parent: context })
    const server = await serving({ Desk: { enter } })
    const client = clientOf<Desk>('Desk', [server], { offers: { see } })
    await client.call('enter', undefined, { timeoutMs: 5_000, metadata: { traceparent: '00-1-2-01' } })
    expect(await seen.opened).toEqual([true, '00-1-2-01'])
  })

  test('ends a call whose parent has ended', async () => {
    const { wait } = waiting()
    const reason = new Error('no longer wanted')
    const abort = new AbortController()
    const { connection } = await offering({ wait, hi: () => 'hi' })
    const parent = { deadline: undefined, signal: abort.signal, metadata: {} }
    const call = failure(connection.call('wait', null, { parent }))
    abort.abort(reason)
    expect(await call).toBe(reason)
    expect(await failure(connection.call('hi', null, { parent }))).toBe(reason)
    const past = { deadline: Date.now() - 1, signal: new AbortController().signal, metadata: {} }
    expect(await failure(connection.call('hi', null, { parent: past }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
      message: 'hi: the deadline of the call that it is made for has passed',
    })
  })

  test('is none with timeoutMs 0', async () => {
    const see = (_: unknown, { remainingMs, deadline }: ReverseCallContext) => [remainingMs, deadline].join()
    const { connection } = await offering({ see })
    expect(await connection.call('see', null, { timeoutMs: 0 })).toBe(',')
    expect(await failure(connection.call('see', null, { timeoutMs: -1 }))).toBeInstanceOf(RangeError)
    expect(await failure(connection.call('see', null, { timeout: 1 } as object))).toMatchObject({
      name: 'TypeError',
      message: 'call: there is no option timeout; did you mean timeoutMs?',
    })
  })
})

test('the signal of a function aborts when the connection closes', async () => {
  const { wait, ended } = waiting()
  const arrived = new Gate<void>()
  const offers = {
    wait: (args: unknown, context: ReverseCallContext) => {
      arrived.open()
      return wait(args, context)
    },
  }
  const { connection } = await offering(offers)
  const call = failure(connection.call('wait'))
  await arrived.opened
  connection.close()
  expect(await ended).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  expect(await call).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
})

test('a call that was never sent fails with ERR_RPCX_UNAVAILABLE when the connection closes', async () => {
  const { connection } = await offering({ hi: () => 'hi' })
  const call = failure(connection.call('hi'))
  connection.close()
  expect(await call).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
})

describe('the codec of a call to a client', () => {
  const decoded: unknown[] = []
  const backwards: Codec = {
    name: 'backwards',
    id: 9,
    encode: value => Buffer.from(JSON.stringify(value)).reverse(),
    decode: bytes => {
      const value: unknown = JSON.parse(Buffer.from(bytes).reverse().toString())
      decoded.push(value)
      return value
    },
  }

  test('may be one of the program, in both directions', async () => {
    const codecs = [backwards]
    const turn = ({ up }: { up: boolean }) => ({ up: !up })
    const { connection } = await offering({ turn }, { codecs }, { codecs })
    expect(await connection.call('turn', { up: true }, { codec: 'backwards' })).toEqual({ up: false })
    expect(decoded).toEqual([{ up: true }, { up: false }])
  })

  test('is raw for bytes', async () => {
    const { connection } = await offering({ twice: (bytes: Uint8Array) => Buffer.concat([bytes, bytes]) })
    const reply = (await connection.call('twice', Buffer.from('ab'), { codec: 'raw' })) as Uint8Array
    expect(Buffer.from(reply).toString()).toBe('abab')
  })

  test('is the one that the frame names', async () => {
    const { peer, connection } = await bare()
    const call = connection.call('turn', { up: true }, { codec: 'json' })
    const asked = await peer.message(2)
    expect(asked.serialize).toBe(Serialize.json)
    expect(asked.payload.toString()).toBe('{"up":true}')
    peer.reply(asked, { serialize: Serialize.json, payload: '{"up":false}' })
    expect(await call).toEqual({ up: false })
  })

  test('must be known at both ends', async () => {
    const { connection } = await offering({ hi: () => 'hi' }, {}, { codecs: [backwards] })
    expect(await failure(connection.call('hi', null, { codec: 'backwards' }))).toMatchObject({
      code: 'ERR_RPCX_CODEC',
      message: 'can not find codec for 9',
    })
    expect(await failure(connection.call('hi', null, { codec: 'forwards' }))).toEqual(
      new TypeError('codec: "forwards" is none of raw, json, msgpack, backwards'),
    )
  })
})

describe('the metadata of a call to a client', () => {
  test("reach its function, and the function's metadata reach the server", async () => {
    const greet = (_: unknown, { metadata, responseMetadata }: ReverseCallContext) => {
      responseMetadata.mood = `${metadata.weather}, so fine`
      return 'hello'
    }
    const { connection } = await offering({ greet })
    const { reply, metadata } = await connection.invoke('greet', null, { metadata: { weather: 'sun' } })
    expect(reply).toBe('hello')
    expect({ ...metadata }).toEqual({ mood: 'sun, so fine' })
  })

  test('come with an error, too', async () => {
    const refuse = (_: unknown, { responseMetadata }: ReverseCallContext) => {
      responseMetadata.retry = 'tomorrow'
      throw new Error('not today')
    }
    const { connection } = await offering({ refuse })
    const error = (await failure(connection.call('refuse'))) as RpcxError
    expect(error).toMatchObject({ code: 'ERR_RPCX_SERVICE', message: 'not today' })
    expect({ ...error.metadata }).toEqual({ retry: 'tomorrow' })
  })

  test('must be strings', async () => {
    const odd = (_: unknown, { responseMetadata }: ReverseCallContext) => {
      Object.assign(responseMetadata, { count: 3 })
    }
    const { connection } = await offering({ odd })
    expect(await failure(connection.call('odd', null, { metadata: { count: 3 as never } }))).toEqual(
      new TypeError('call: metadata.count is number, not a string'),
    )
    expect(await failure(connection.call('odd'))).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
      message: 'responseMetadata.count is number, not a string',
    })
  })
})

describe('maxConcurrentReverseCalls', () => {
  test('limits how many calls of its server a client runs at once: further ones did not run', async () => {
    const gate = new Gate<void>()
    let running = 0
    const wait = () => {
      running++
      return gate.opened
    }
    const { connection } = await offering({ wait, hi: () => 'hi' }, { maxConcurrentReverseCalls: 2 })
    const two = [connection.call('wait'), connection.call('wait')]
    expect(await failure(connection.call('hi'))).toMatchObject({ code: 'ERR_RPCX_NOT_EXECUTED' })
    expect(running).toBe(2)
    gate.open()
    await Promise.all(two)
    expect(await connection.call('hi')).toBe('hi')
  })

  test('is at least 1', () => {
    const nowhere = { address: 'tcp@127.0.0.1:1' }
    expect(() => clientOf<Desk>('Desk', [nowhere], { offers: {}, maxConcurrentReverseCalls: 0 })).toThrow(
      'XClient: maxConcurrentReverseCalls is 0',
    )
  })
})

describe('a call to a client that is too long fails alone with ERR_RPCX_FRAME', () => {
  const KIB = 1024

  test('as arguments', async () => {
    const offers = { size: (bytes: Uint8Array) => bytes.length }
    const { connection, client } = await offering(offers, { maxFrameBytes: 64 * KIB })
    const waiting = connection.call('size', Buffer.alloc(KIB))
    expect(await failure(connection.call('size', Buffer.alloc(65 * KIB)))).toMatchObject({
      code: 'ERR_RPCX_FRAME',
      message: expect.stringMatching(/^the call: 66\d\d\d bytes, more than maxFrameBytes 65536$/),
    })
    expect(await waiting).toBe(KIB)
    expect(await client.call('enter')).toBe('welcome')
  })

  test('as a reply', async () => {
    const offers = { bytes: (count: number) => Buffer.alloc(count) }
    const { connection, client } = await offering(offers, {}, { maxFrameBytes: 64 * KIB })
    expect(await failure(connection.call('bytes', 65 * KIB))).toMatchObject({
      code: 'ERR_RPCX_FRAME',
      message: expect.stringMatching(/^bytes: the reply of tcp@127\.0\.0\.1:\d+: 66\d\d\d bytes, more than/),
    })
    expect(await connection.call('bytes', 1)).toHaveLength(1)
    expect(await client.call('enter')).toBe('welcome')
  })
})

describe('a call to a client fails with', () => {
  test('ERR_RPCX_ARGUMENT when its arguments cannot be encoded', async () => {
    const { connection } = await offering({ hi: () => 'hi' })
    expect(await failure(connection.call('hi', 1n << 70n))).toMatchObject({
      code: 'ERR_RPCX_ARGUMENT',
      message: expect.stringMatching(/^hi: cannot encode the arguments: msgpack: /),
    })
  })

  test('ERR_RPCX_CODEC when the reply cannot be encoded or decoded', async () => {
    const { connection } = await offering({ odd: () => 1n << 70n })
    expect(await failure(connection.call('odd'))).toMatchObject({
      code: 'ERR_RPCX_CODEC',
      message: expect.stringMatching(/^msgpack: /),
    })
    const { peer, connection: other } = await bare()
    const call = failure(other.call('odd'))
    peer.reply(await peer.message(2), { payload: '{' })
    expect(await call).toMatchObject({
      code: 'ERR_RPCX_CODEC',
      message: expect.stringMatching(/^odd: cannot decode the reply: /),
    })
  })

  test('ERR_RPCX_ARGUMENT when its name is so long that the client would close the connection', async () => {
    const { connection, client } = await offering({ hi: () => 'hi' })
    expect(await failure(connection.call('x'.repeat(16 * 1024 + 1)))).toMatchObject({
      code: 'ERR_RPCX_ARGUMENT',
    })
    expect(await failure(connection.call(undefined as never))).toBeInstanceOf(TypeError)
    expect(await client.call('enter')).toBe('welcome')
  })

  test('ERR_RPCX_SERVICE, whatever code its function got from another server', async () => {
    const relay = () => {
      throw new RpcxError('ERR_RPCX_NOT_EXECUTED', 'further on')
    }
    const { connection } = await offering({ relay })
    expect(await failure(connection.call('relay'))).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
      message: 'further on',
    })
  })
})

describe('the types of a call to a client', () => {
  /** Takes numbers from 1 up, as a schema of zod would. */
  const positive = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) =>
        typeof value === 'number' && value > 0 ? { value } : { issues: [{ message: 'is not from 1 up' }] },
    },
  }
  const minus = (n: number) => n - 10

  test('reach a codec that needs them, at both ends', async () => {
    const typed: Codec = {
      name: 'typed',
      id: 10,
      encode: (value, type) => Buffer.from(`${type} ${value}`),
      decode: (bytes, type) => {
        const [of, value] = Buffer.from(bytes).toString().split(' ')
        if (of !== type) throw new Error(`${of} is not ${type}`)
        return Number(value)
      },
    }
    const codecs = [typed]
    const types = { args: 'Question', reply: 'Answer' }
    const { connection } = await offering({ minus }, { codecs, offerTypes: { minus: types } }, { codecs })
    expect(await connection.call('minus', 12, { codec: 'typed', types })).toBe(2)
    const other = { args: 'Word', reply: 'Answer' }
    expect(await failure(connection.call('minus', 12, { codec: 'typed', types: other }))).toMatchObject({
      code: 'ERR_RPCX_ARGUMENT',
      message: 'Word is not Question',
    })
  })

  test('may be schemas, which the client checks', async () => {
    const offerTypes = { minus: { args: positive, reply: positive } }
    const { connection } = await offering({ minus }, { offerTypes })
    expect(await connection.call('minus', 12)).toBe(2)
    const [argument, reply] = [connection.call('minus', 0), connection.call('minus', 1)]
    expect(await failure(argument)).toMatchObject({ code: 'ERR_RPCX_ARGUMENT', message: 'is not from 1 up' })
    expect(await failure(reply)).toMatchObject({ code: 'ERR_RPCX_CODEC', message: 'is not from 1 up' })
  })

  test('may be schemas, which the server checks', async () => {
    const { connection } = await offering({ minus })
    const types = { args: positive, reply: positive }
    expect(await connection.call('minus', 12, { types })).toBe(2)
    expect(await failure(connection.call('minus', 0, { types }))).toMatchObject({
      code: 'ERR_RPCX_ARGUMENT',
      message: 'minus: cannot encode the arguments: is not from 1 up',
    })
    expect(await failure(connection.call('minus', 1, { types }))).toMatchObject({
      code: 'ERR_RPCX_CODEC',
      message: 'minus: cannot decode the reply: is not from 1 up',
    })
  })

  test('must belong to a registered function', () => {
    const nowhere = { address: 'tcp@127.0.0.1:1' }
    expect(() => clientOf<Desk>('Desk', [nowhere], { offers: { minus }, offerTypes: { plus: {} } })).toThrow(
      new TypeError('XClient: offerTypes.plus belongs to nothing in offers'),
    )
  })
})
