import type { CallContext, ServerConnection } from '@rpcx/core'
import { RpcxError, ServiceError } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer, BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure, happening, portOf, serving } from '../helpers.ts'

interface Shop {
  buy(args?: unknown, context?: CallContext): unknown
}

/** Resolves to the error of the caller of a method that throws this. */
async function told(thrown: unknown): Promise<RpcxError> {
  const buy = () => {
    throw thrown
  }
  const server = await serving({ Shop: { buy } })
  return (await failure(clientOf<Shop>('Shop', [server]).call('buy'))) as RpcxError
}

const outOfStock = () => new ServiceError('OUT_OF_STOCK', 'only 3 are left', { details: { left: 3 } })

describe('a ServiceError', () => {
  test('reaches the caller as ERR_RPCX_SERVICE with its code, message and details', async () => {
    const error = await told(outOfStock())
    expect(error).toBeInstanceOf(RpcxError)
    expect(error).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
      message: 'only 3 are left',
      serviceCode: 'OUT_OF_STOCK',
      details: { left: 3 },
      metadata: {},
    })
  })

  test('is a plain message for callers that know no more, such as Go, in the same reply', async () => {
    const buy = () => {
      throw outOfStock()
    }
    const peer = closing(await BarePeer.connect(portOf(await serving({ Shop: { buy } }))))
    peer.send(frame({ service: 'Shop', method: 'buy', payload: 'null' }))
    expect((await peer.message(0)).metadata).toEqual({
      [ReservedKey.error]: 'only 3 are left',
      [ReservedKey.code]: 'ERR_RPCX_SERVICE',
      [ReservedKey.serviceCode]: 'OUT_OF_STOCK',
      [ReservedKey.details]: '{"left":3}',
    })
  })

  test('of another server is not forwarded, except for its message', async () => {
    const error = await told(
      new RpcxError('ERR_RPCX_SERVICE', 'further on', { serviceCode: 'SECRET', details: 1 }),
    )
    expect(error).toMatchObject({ code: 'ERR_RPCX_SERVICE', message: 'further on' })
    expect([error.serviceCode, error.details]).toEqual([undefined, undefined])
  })

  test('of another library with the same name is not treated as one', async () => {
    const foreign = Object.assign(new Error('14 UNAVAILABLE'), {
      name: 'ServiceError',
      code: 'X',
      details: 'secret',
    })
    const error = await told(foreign)
    expect([error.message, error.serviceCode, error.details]).toEqual([
      '14 UNAVAILABLE',
      undefined,
      undefined,
    ])
  })

  test('of a client that the server calls reaches the server', async () => {
    let caught: unknown
    const enter = async (_: unknown, { connection }: { connection: ServerConnection }) => {
      caught = await failure(connection.call('refuse'))
    }
    const server = await serving({ Desk: { enter } })
    const refuse = () => {
      throw outOfStock()
    }
    await clientOf<{ enter(): void }>('Desk', [server], { offers: { refuse } }).call('enter')
    expect(caught).toMatchObject({ serviceCode: 'OUT_OF_STOCK', details: { left: 3 } })
  })

  test.each(['afterRead', 'beforeCall', 'around'] as const)('in the hook %s rejects the call', async hook => {
    const server = await serving({ Shop: { buy: () => 'bought' } })
    const refuse = () => {
      throw outOfStock()
    }
    server.plugins.add({ attach: () => ({ [hook]: refuse }) })
    const error = await failure(clientOf<Shop>('Shop', [server]).call('buy'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_SERVICE', serviceCode: 'OUT_OF_STOCK' })
    expect([...server.metrics.errors]).toEqual([['ERR_RPCX_SERVICE', 1]])
  })

  test('never ejects a server, unlike errors without a code, because it shows that the server works', async () => {
    const servers = await Promise.all(
      [1, 2, 3].map(number =>
        serving({
          Shop: {
            buy: (kind: string) => {
              if (number > 1) return 'bought'
              throw kind === 'coded' ? outOfStock() : new Error('broken')
            },
          },
        }),
      ),
    )
    const ejectedBy = async (kind: string): Promise<string[]> => {
      const shop = clientOf<Shop>('Shop', servers, { failMode: 'failfast', selectMode: 'roundRobin' })
      const ejected: string[] = []
      shop.on('ejected', ({ endpoint }) => ejected.push(endpoint))
      for (let i = 0; i < 60; i++) await shop.call('buy', kind).catch(() => {})
      return ejected
    }
    expect(await ejectedBy('coded')).toEqual([])
    expect(await ejectedBy('plain')).toEqual([servers[0]?.address])
  })

  test('of fork() is that of the first server, if all fail', async () => {
    const buy = () => {
      throw outOfStock()
    }
    const servers = [await serving({ Shop: { buy } }), await serving({ Shop: { buy } })]
    const error = await failure(clientOf<Shop>('Shop', servers).fork('buy'))
    expect(error).toMatchObject({ serviceCode: 'OUT_OF_STOCK', details: { left: 3 } })
  })

  test('with the message of a deadline is not a time-out', async () => {
    const error = await told(new ServiceError('SLOW', 'context deadline exceeded'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_SERVICE', serviceCode: 'SLOW' })
  })

  test.each(['', 'two words', 'x'.repeat(129), 'lf\n', 1, undefined])('rejects a code such as %j', code => {
    expect(() => new ServiceError(code as string, 'text')).toThrow(TypeError)
    expect(() => new ServiceError(code as string, 'text')).toThrow('ServiceError: the code is ')
  })
})

describe('details that cannot be sent', () => {
  const circle: Record<string, unknown> = {}
  circle.circle = circle
  const trap = Object.defineProperty({}, 'left', {
    enumerable: true,
    get() {
      throw new Error('do not look')
    },
  })
  let deep: unknown = 1
  for (let i = 0; i < 33; i++) deep = [deep]

  test.each([
    ['are too long', 'x'.repeat(8 * 1024), /^the details have 8194 bytes, more than the 8192 that are sent$/],
    ['are a circle', circle, /circular/],
    ['are a bigint', 1n, /BigInt/],
    ['are a promise', Promise.resolve(), /Promise/],
    ['throw when they are looked at', trap, /^do not look$/],
    ['are too deep', deep, /33 levels deep/],
    ['have too many values', Array.from({ length: 1_000 }, () => 0), /more values than maxValues 1000/],
  ])('because they %s are left out, and reported by callbackFailed', async (_what, details, why) => {
    const buy = () => {
      throw new ServiceError('OUT_OF_STOCK', 'only 3 are left', { details })
    }
    const server = await serving({ Shop: { buy } })
    const event = happening(server, 'callbackFailed')
    const error = (await failure(clientOf<Shop>('Shop', [server]).call('buy'))) as RpcxError
    expect(error).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
      message: 'only 3 are left',
      serviceCode: 'OUT_OF_STOCK',
    })
    expect(error.details).toBeUndefined()
    const { callback, error: cause } = await event
    expect(callback).toBe('ServiceError of Shop.buy')
    expect(cause.message).toMatch(why)
  })
})

describe('a ServiceError in a reply', () => {
  const nested = `${'['.repeat(33)}${']'.repeat(33)}`

  test.each([
    ['details that are no JSON', { code: 'A', details: '{' }, { serviceCode: 'A' }],
    [
      'details that are too long',
      { code: 'A', details: JSON.stringify('x'.repeat(8 * 1024)) },
      { serviceCode: 'A' },
    ],
    ['details that are too deep', { code: 'A', details: nested }, { serviceCode: 'A' }],
    ['a code with control characters', { code: 'a\u001b[31mb', details: '1' }, {}],
    ['a code that is too long', { code: 'x'.repeat(129), details: '1' }, {}],
    ['details without a code', { details: '1' }, {}],
    ['details of null', { code: 'A', details: 'null' }, { serviceCode: 'A', details: null }],
  ] as [string, { code?: string; details?: string }, object][])(
    'is read only as far as it is valid: %s',
    async (_what, { code, details }, expected) => {
      const server = closing(
        await BareServer.listen({
          onMessage: (message, peer) => {
            const metadata: Record<string, string> = { [ReservedKey.error]: 'failed', own: 'kept' }
            if (code !== undefined) metadata[ReservedKey.serviceCode] = code
            if (details !== undefined) metadata[ReservedKey.details] = details
            peer.reply(message, { flags: Flag.error, metadata })
          },
        }),
      )
      const {
        serviceCode,
        details: got,
        metadata,
      } = (await failure(clientOf<Shop>('Shop', [server]).call('buy'))) as RpcxError
      expect({ serviceCode, details: got }).toEqual({
        serviceCode: undefined,
        details: undefined,
        ...expected,
      })
      expect(metadata).toEqual({ own: 'kept' })
    },
  )

  test('counts only beside ERR_RPCX_SERVICE', async () => {
    const metadata = {
      [ReservedKey.error]: 'too much',
      [ReservedKey.code]: 'ERR_RPCX_ARGUMENT',
      [ReservedKey.serviceCode]: 'A',
    }
    const server = closing(
      await BareServer.listen({
        onMessage: (message, peer) => peer.reply(message, { flags: Flag.error, metadata }),
      }),
    )
    const error = (await failure(clientOf<Shop>('Shop', [server]).call('buy'))) as RpcxError
    expect([error.code, error.serviceCode]).toEqual(['ERR_RPCX_ARGUMENT', undefined])
  })
})
