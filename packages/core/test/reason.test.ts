import { once } from 'node:events'
import { connect } from 'node:net'
import type { Codec, RpcxError, XClientOptions } from '@rpcx/core'
import { reasonOf } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { freePort } from '../../../tools/servers/src/ports.ts'
import { clientOf, failure, serving } from './helpers.ts'

const circle: { cause?: unknown } = new Error('')
circle.cause = circle

describe('the reason of a thrown value', () => {
  test('has the code of each address when no address of a name responds', async () => {
    const port = await freePort()
    const both = [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ]
    const lookup = (_host: string, _options: unknown, done: (error: null, all: typeof both) => void): void =>
      done(null, both)
    const socket = connect({ host: 'both.test', port, lookup: lookup as never })
    const [error] = (await once(socket, 'error').catch(thrown => [thrown])) as [AggregateError]
    expect(error.message).toBe('')
    expect(reasonOf(error)).toBe(
      `connect ECONNREFUSED 127.0.0.1:${port}; connect ECONNREFUSED 127.0.0.2:${port}`,
    )
  })

  test.each<[unknown, string]>([
    [new Error('its own'), 'its own'],
    [new AggregateError([new Error('a'), new Error('a'), 'b'], 'both'), 'both: a; b'],
    [new AggregateError([new Error('a'), new Error('b')], 'failed with a; b'), 'failed with a; b'],
    [new AggregateError([]), 'AggregateError without a text'],
    [new AggregateError(Array.from({ length: 9 }, (_, i) => new Error(`${i}`))), '0; 1; 2; 3; 4; and 4 more'],
    [Object.assign(new Error(''), { code: 'ECONNRESET' }), 'ECONNRESET'],
    [new TypeError(''), 'TypeError without a text'],
    [new Error(' '), 'Error without a text'],
    [new Error('', { cause: new Error('underneath') }), 'underneath'],
    [circle, 'Error without a text'],
    [{ message: 'like an error' }, 'like an error'],
    [{ code: 'E_CODE' }, 'E_CODE'],
    [{ a: 1 }, 'an object was thrown, which is no error'],
    [{ message: { a: 1 } }, 'an object was thrown, which is no error'],
    [Object.create(null), 'an object was thrown, which is no error'],
    [[], 'an object was thrown, which is no error'],
    [undefined, 'undefined was thrown'],
    [null, 'null was thrown'],
    [1n, '1 was thrown'],
    ['', 'an empty text was thrown'],
    ['a text', 'a text'],
    [() => {}, 'a function was thrown, which is no error'],
  ])('is never empty: %#', (thrown, reason) => {
    expect(reasonOf(thrown)).toBe(reason)
  })

  test('is found even if the value cannot be read', () => {
    const refuse = (): never => {
      throw new Error('no')
    }
    expect(reasonOf(new Proxy({}, { get: refuse }))).toBe('an object was thrown that cannot be looked at')
  })
})

describe('whatever a function of the program throws, the error has a reason:', () => {
  const nothings = [undefined, null, '', {}, new Error(''), new AggregateError([]), Object.create(null)]
  const broken =
    (thrown: unknown): (() => never) =>
    () => {
      throw thrown
    }
  const codecOf = (codec: Partial<Codec>): Codec => ({
    name: 'odd',
    id: 9,
    encode: () => new Uint8Array(),
    decode: () => undefined,
    ...codec,
  })
  const places: [string, string, (thrown: unknown) => XClientOptions][] = [
    ['token', 'ERR_RPCX_AUTH', thrown => ({ token: broken(thrown) })],
    ['selectMode', 'ERR_RPCX_SELECTOR', thrown => ({ selectMode: { pick: broken(thrown) } })],
    [
      'the encoding of a codec',
      'ERR_RPCX_ARGUMENT',
      thrown => ({ codec: codecOf({ encode: broken(thrown) }) }),
    ],
    [
      'a schema',
      'ERR_RPCX_ARGUMENT',
      thrown => ({
        types: { hi: { args: { '~standard': { version: 1, vendor: 'test', validate: broken(thrown) } } } },
      }),
    ],
  ]

  test.each(places)('in %s', async (_place, code, options) => {
    const server = await serving({ S: { hi: () => 'hi' } })
    for (const thrown of nothings) {
      const error = (await failure(
        clientOf<{ hi(): string }>('S', [server], options(thrown)).call('hi'),
      )) as RpcxError
      expect(error.code).toBe(code)
      expect(error.message).not.toMatch(/(: undefined|\[object|: |\bundefined)$/)
      expect(error.message).toMatch(/ (was thrown|without a text|no error)/)
    }
  })
})
