import type { Schema, ServiceOf } from '@rpcx/core'
import { MultipleServersDiscovery, Server, XClient } from '@rpcx/core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { clientOf, closing, failure, keys, serving } from '../helpers.ts'

/** Returns a schema as libraries make them: it reads a number under this key, and renames it to `n`. */
function numberAt(key: string, later = false): Schema<Record<string, number>, { n: number }> {
  const check = (
    value: unknown,
  ): { value: { n: number } } | { issues: { message: string; path: PropertyKey[] }[] } => {
    const n = (value as Record<string, unknown> | null)?.[key]
    return typeof n === 'number'
      ? { value: { n } }
      : { issues: [{ message: 'not a number', path: ['in', key] }] }
  }
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: value => (later ? Promise.resolve(check(value)) : check(value)),
    },
  }
}

const types = { square: { args: numberAt('x'), reply: numberAt('y', true) }, free: {} }

async function client(square: (args: { n: number }) => unknown) {
  const calls: unknown[] = []
  const server = await serving({
    Any: {
      square(args: { n: number }) {
        calls.push(args)
        return square(args)
      },
      free: (args: unknown) => args,
    },
  })
  const discovery = closing(new MultipleServersDiscovery(keys([server])))
  return { calls, any: closing(new XClient<ServiceOf<typeof types>>('Any', discovery, { types })) }
}

describe('a schema on the client', () => {
  test('checks arguments and reply, and defines their types', async () => {
    const { any, calls } = await client(({ n }) => ({ y: n * n }))
    const reply = await any.call('square', { x: 3 })
    expectTypeOf(reply).toEqualTypeOf<{ n: number }>()
    expect(reply).toEqual({ n: 9 })
    expect(calls).toEqual([{ n: 3 }])
    // @ts-expect-error: a text is no number
    const wrong = any.call('square', { x: '3' })
    await failure(wrong)
  })

  test('rejects arguments with ERR_RPCX_ARGUMENT and the path, before anything is sent', async () => {
    const { any, calls } = await client(() => 1)
    const error = await failure(any.call('square', {}))
    expect(error).toMatchObject({
      code: 'ERR_RPCX_ARGUMENT',
      message: 'Any.square: the arguments: in.x: not a number',
    })
    expect(await failure(any.notify('square', {}))).toMatchObject({ code: 'ERR_RPCX_ARGUMENT' })
    expect(await failure(any.broadcast('square', {}))).toMatchObject({ code: 'ERR_RPCX_ARGUMENT' })
    expect(calls).toEqual([])
    expect(any.snapshot().endpoints).toMatchObject([{ state: 'idle' }])
  })

  test('rejects a reply with ERR_RPCX_CODEC and the path', async () => {
    const { any } = await client(() => ({ y: 'nine' }))
    const error = await failure(any.call('square', { x: 3 }))
    expect(error).toMatchObject({
      code: 'ERR_RPCX_CODEC',
      message: 'Any.square: the reply: in.y: not a number',
    })
  })

  test('is not used for methods without one', async () => {
    const { any } = await client(() => 1)
    expect(await any.call('free', { any: 'thing' })).toEqual({ any: 'thing' })
  })

  test('that throws fails the call, with the thrown error as cause', async () => {
    const error = new Error('a mistake in the schema')
    const broken: Schema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate() {
          throw error
        },
      },
    }
    const any = clientOf<{ m(args: unknown): unknown }>('Any', [{ address: 'memu@nobody' }], {
      types: { m: { args: broken } },
    })
    expect(await failure(any.call('m', 1))).toMatchObject({ code: 'ERR_RPCX_ARGUMENT', cause: error })
  })
})

describe('a schema on the server', () => {
  const served = async (reply: unknown, later = false) => {
    const server = closing(new Server())
    const calls: unknown[] = []
    const square = (args: { n: number }) => {
      calls.push(args)
      return reply as { y: number }
    }
    const own = { square: { args: numberAt('x', later), reply: numberAt('y') } }
    server.registerName('Any', { square }, '', { types: own })
    await server.serve('tcp', '127.0.0.1:0')
    return { calls, any: clientOf<{ square(args: unknown): unknown }>('Any', [server]) }
  }

  test('checks arguments and reply', async () => {
    const { any, calls } = await served({ y: 9 })
    expect(await any.call('square', { x: 3 })).toEqual({ n: 9 })
    expect(calls).toEqual([{ n: 3 }])
  })

  test('rejects arguments with ERR_RPCX_ARGUMENT and the path, before the method runs', async () => {
    const { any, calls } = await served({ y: 9 })
    const error = await failure(any.call('square', { x: 'three' }))
    expect(error).toMatchObject({ code: 'ERR_RPCX_ARGUMENT', message: 'in.x: not a number' })
    expect(calls).toEqual([])
  })

  test('rejects a reply with ERR_RPCX_CODEC, and any asynchronous schema', async () => {
    const { any } = await served({ y: 'nine' })
    expect(await failure(any.call('square', { x: 3 }))).toMatchObject({ code: 'ERR_RPCX_CODEC' })
    const late = await served({ y: 9 }, true)
    const error = await failure(late.any.call('square', { x: 3 }))
    expect(error.message).toBe('a schema that validates asynchronously cannot be used here')
  })
})
