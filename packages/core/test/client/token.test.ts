import type { CallContext } from '@rpcx/core'
import { XClient } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Gate } from '../gate.ts'
import { clientOf, failure, serving } from '../helpers.ts'

interface Who {
  token(): string
  count(): number
}

const service = { token: (_: unknown, context: CallContext) => context.token }

describe('token', () => {
  test('as a function is called before each call', async () => {
    const server = await serving({ Who: service })
    let asked = 0
    const client = clientOf<Who>('Who', [server], { token: () => `token ${++asked}` })
    expect(await client.call('token')).toBe('token 1')
    expect(await client.call('token', undefined, { metadata: { __AUTH: 'mine' } })).toBe('token 2')
  })

  test('that takes a while is fetched once for all calls that wait for it', async () => {
    const server = await serving({ Who: service })
    let asked = 0
    const gates = [new Gate<string>(), new Gate<string>()]
    const client = clientOf<Who>('Who', [server], { token: () => (gates[asked++] as Gate<string>).opened })
    const calls = [client.call('token'), client.call('token')]
    gates[0]?.open('first')
    expect(await Promise.all(calls)).toEqual(['first', 'first'])
    const later = client.call('token')
    gates[1]?.open('second')
    expect(await later).toBe('second')
    expect(asked).toBe(2)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no key')
      },
      'token: there is no token for the call: no key',
    ],
    ['rejects', () => Promise.reject(new Error('no key')), 'token: there is no token for the call: no key'],
    [
      'gives a number',
      () => 5 as never,
      'token: there is no token for the call: XClient: token() returns number, not a string',
    ],
    [
      'gives a number later',
      async () => 5 as never,
      'token: there is no token for the call: XClient: token() returns number, not a string',
    ],
  ])('that %s fails the call with ERR_RPCX_AUTH', async (_what, token, message) => {
    const client = clientOf<Who>('Who', [await serving({ Who: service })], { token })
    expect(await failure(client.call('token'))).toMatchObject({ code: 'ERR_RPCX_AUTH', message })
  })

  test("that never comes is waited for no longer than the call's deadline", async () => {
    const client = clientOf<Who>('Who', [await serving({ Who: service })], {
      token: () => new Promise(() => {}),
    })
    expect(await failure(client.call('token', undefined, { timeoutMs: 20 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
    })
    const reason = new Error('no longer wanted')
    const abort = new AbortController()
    const aborted = failure(client.call('token', undefined, { signal: abort.signal }))
    abort.abort(reason)
    expect(await aborted).toBe(reason)
    const closed = failure(client.call('token'))
    await client.close()
    expect(await closed).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })

  test('is a string or a function', () => {
    const discovery = { watch: async function* () {} } as never
    expect(() => new XClient('Who', discovery, { token: 5 as never })).toThrow(
      new TypeError('XClient: token is number, not a string or a function'),
    )
  })
})

test('an error has the metadata that the server sent with it', async () => {
  const fails = (_: unknown, { responseMetadata }: CallContext): never => {
    responseMetadata.hint = 'try tomorrow'
    throw new Error('sold out')
  }
  const client = clientOf<{ fails(): never }>('Shop', [await serving({ Shop: { fails } })])
  const error = await failure(client.call('fails'))
  expect(error).toMatchObject({ code: 'ERR_RPCX_SERVICE', message: 'sold out' })
  expect({ ...(error as { metadata?: object }).metadata }).toEqual({ hint: 'try tomorrow' })
})
