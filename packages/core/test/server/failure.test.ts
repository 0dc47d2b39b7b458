import { RpcxError } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ReservedKey, Serialize } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { clientOf, closing, failure, portOf, serving } from '../helpers.ts'

interface Service {
  method(args?: unknown): unknown
}

type Method = (args: unknown, context: { responseMetadata: Record<string, unknown> }) => unknown

const ways: [string, (method: Method) => Method][] = [
  ['throws', method => method],
  ['rejects', method => async (args, context) => method(args, context)],
]

async function calling(method: Method) {
  const server = await serving({ Service: { method, fine: () => 'fine' } })
  const peer = closing(await BarePeer.connect(portOf(server)))
  peer.send(frame({ seq: 1, service: 'Service', method: 'method', payload: '{"secret":"argument"}' }))
  const reply = await peer.message(0)
  peer.send(frame({ seq: 2, service: 'Service', method: 'fine', payload: 'null' }))
  expect((await peer.message(1)).payload.toString(), 'the connection is still open').toBe('"fine"')
  return { peer, reply, metadata: reply.metadata }
}

describe.each(ways)('a method that %s', (_way, method) => {
  test('sends its message to the caller, but no stack, path, cause or arguments', async () => {
    const { peer, reply, metadata } = await calling(
      method(args => {
        const details = { path: '/etc/passwd', args, cause: new Error('inner cause') }
        throw Object.assign(new Error('no such account'), details)
      }),
    )
    expect(reply.isError).toBe(true)
    expect(reply.payload).toHaveLength(0)
    expect(metadata).toEqual({
      [ReservedKey.error]: 'no such account',
      [ReservedKey.code]: 'ERR_RPCX_SERVICE',
    })
    for (const secret of ['failure.test', 'node:', '/etc/passwd', 'inner cause', 'secret', 'argument']) {
      expect(peer.bytes.includes(secret), secret).toBe(false)
    }
  })

  test.each(['ERR_RPCX_NOT_EXECUTED', 'ERR_RPCX_METHOD_NOT_FOUND', 'ERR_RPCX_TIMEOUT'] as const)(
    'that throws %s failed by itself: the code is ERR_RPCX_SERVICE',
    async code => {
      const { metadata } = await calling(
        method(() => {
          throw new RpcxError(code, 'further on')
        }),
      )
      expect(metadata).toEqual({ [ReservedKey.error]: 'further on', [ReservedKey.code]: 'ERR_RPCX_SERVICE' })
    },
  )

  test.each([
    ['a text', 'plain text', 'plain text'],
    ['undefined', undefined, 'Service.method failed: undefined was thrown'],
    ['an empty text', '', 'Service.method failed: an empty text was thrown'],
    ['a symbol', Symbol('s'), 'Service.method failed: Symbol(s)'],
    ['an object', { a: 1 }, 'Service.method failed: an object was thrown, which is no error'],
    [
      'an object that is no text',
      Object.create(null),
      'Service.method failed: an object was thrown, which is no error',
    ],
    [
      'several errors at once',
      new AggregateError([new Error('a'), new Error('b')]),
      'Service.method failed: a; b',
    ],
    [
      'an error of nothing but a cause',
      new Error('', { cause: new Error('why') }),
      'Service.method failed: why',
    ],
    [
      'an error without a text',
      Object.assign(new Error('text'), { message: undefined }),
      'Service.method failed: Error without a text',
    ],
  ])('with %s is answered', async (_what, thrown, text) => {
    const { metadata } = await calling(
      method(() => {
        throw thrown
      }),
    )
    expect(metadata).toEqual({ [ReservedKey.error]: text, [ReservedKey.code]: 'ERR_RPCX_SERVICE' })
  })

  test('after it set metadata that are not strings is answered without those metadata', async () => {
    const { metadata } = await calling(
      method((_, { responseMetadata }) => {
        responseMetadata.missing = undefined
        responseMetadata.count = 1
        responseMetadata.fine = 'yes'
        throw new Error('failed')
      }),
    )
    expect(metadata).toMatchObject({ [ReservedKey.error]: 'failed', fine: 'yes' })
    expect(Object.keys(metadata)).toHaveLength(3)
  })
})

describe('a reply that cannot be sent', () => {
  test('because the codec rejects it is ERR_RPCX_CODEC', async () => {
    for (const method of [() => 1n, async () => 1n]) {
      const { reply, metadata } = await calling(method)
      expect(reply.isError).toBe(true)
      expect(metadata[ReservedKey.code]).toBe('ERR_RPCX_CODEC')
      expect(metadata[ReservedKey.error]).toMatch('BigInt')
    }
  })

  test('because its metadata are not strings is ERR_RPCX_SERVICE', async () => {
    for (const value of [undefined, 1]) {
      const method: Method = (_, { responseMetadata }) => {
        responseMetadata.count = value
      }
      for (const each of [method, async (...args: Parameters<Method>) => method(...args)]) {
        const { metadata } = await calling(each)
        expect(metadata).toEqual({
          [ReservedKey.error]: `responseMetadata.count is ${value === undefined ? 'undefined' : 'number'}, not a string`,
          [ReservedKey.code]: 'ERR_RPCX_SERVICE',
        })
      }
    }
  })

  test('because reading it throws is ERR_RPCX_SERVICE', async () => {
    const trap = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('do not look')
      },
    })
    const { metadata } = await calling(() => trap)
    expect(metadata).toEqual({ [ReservedKey.error]: 'do not look', [ReservedKey.code]: 'ERR_RPCX_SERVICE' })
  })
})

describe('a request that cannot be served', () => {
  test('because its arguments cannot be decoded is ERR_RPCX_ARGUMENT, and runs nothing', async () => {
    let runs = 0
    const server = await serving({ Service: { method: () => ++runs } })
    const peer = closing(await BarePeer.connect(portOf(server)))
    const request = { service: 'Service', method: 'method' }
    peer.send(frame({ ...request, payload: '{"cut' }))
    peer.send(frame({ ...request, serialize: Serialize.msgpack, payload: Buffer.from([0xc1]) }))
    for (const index of [0, 1]) {
      const reply = await peer.message(index)
      expect(reply.metadataValue(ReservedKey.code)).toBe('ERR_RPCX_ARGUMENT')
    }
    peer.send(frame({ ...request, payload: 'null' }))
    expect((await peer.message(2)).payload.toString()).toBe('1')
  })

  test.each([
    [
      'ERR_RPCX_SERVICE_NOT_FOUND',
      "rpcx: can't find service Nobody",
      { service: 'Nobody', method: 'method' },
    ],
    ['ERR_RPCX_METHOD_NOT_FOUND', "rpcx: can't find method none", { service: 'Service', method: 'none' }],
    [
      'ERR_RPCX_METHOD_NOT_FOUND',
      "rpcx: can't find method toString",
      { service: 'Service', method: 'toString' },
    ],
    ['ERR_RPCX_CODEC', 'can not find codec for 9', { service: 'Service', method: 'method', serialize: 9 }],
  ])("is %s with Go's message: %s", async (code, text, request) => {
    const peer = closing(await BarePeer.connect(portOf(await serving({ Service: { method: () => 1 } }))))
    peer.send(frame(request))
    expect((await peer.message(0)).metadata).toEqual({ [ReservedKey.error]: text, [ReservedKey.code]: code })
  })
})

test('the error of a service reaches the caller as ERR_RPCX_SERVICE with its message', async () => {
  const server = await serving({
    Service: {
      method: () => {
        throw new RangeError('out of stock')
      },
    },
  })
  const error = await failure(clientOf<Service>('Service', [server]).call('method'))
  expect(error).toBeInstanceOf(RpcxError)
  expect(error).toMatchObject({ code: 'ERR_RPCX_SERVICE', message: 'out of stock' })
})
