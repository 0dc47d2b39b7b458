import type { Interceptor } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { clientOf, failure, serving } from '../helpers.ts'

interface Any {
  echo(args?: unknown): unknown
}

const server = () => serving({ Any: { echo: (args: unknown) => args } })

describe('interceptors', () => {
  test('wrap a call, the first one outermost', async () => {
    const steps: string[] = []
    const step =
      (name: string): Interceptor =>
      async (call, next) => {
        steps.push(`${name} before ${call.service}.${call.method}`)
        const invocation = await next(call)
        steps.push(`${name} after`)
        return invocation
      }
    const client = clientOf<Any>('Any', [await server()], { interceptors: [step('a'), step('b')] })
    expect(await client.call('echo', 1)).toBe(1)
    expect(steps).toEqual(['a before Any.echo', 'b before Any.echo', 'b after', 'a after'])
  })

  test('may change the call and its result', async () => {
    const twice: Interceptor = async (call, next) => {
      const invocation = await next({
        ...call,
        args: [call.args],
        options: { ...call.options, timeoutMs: 500 },
      })
      return { ...invocation, reply: { got: invocation.reply } }
    }
    const client = clientOf<Any>('Any', [await server()], { interceptors: [twice] })
    expect(await client.call('echo', 'x')).toEqual({ got: ['x'] })
    expect(await client.invoke('echo', 'x')).toMatchObject({ reply: { got: ['x'] }, attempts: 1 })
  })

  test('may answer without a call, call again, or fail', async () => {
    const error = new Error('not allowed')
    const moody: Interceptor = async (call, next) => {
      if (call.args === 'cached') return { reply: 'cache', metadata: {}, endpoint: '', attempts: 0 }
      if (call.args === 'denied') throw error
      await next(call)
      return next(call)
    }
    let calls = 0
    const counting = await serving({ Any: { echo: () => ++calls } })
    const client = clientOf<Any>('Any', [counting], { interceptors: [moody] })
    expect(await client.call('echo', 'cached')).toBe('cache')
    expect(await failure(client.call('echo', 'denied'))).toBe(error)
    expect(await client.call('echo', 'again')).toBe(2)
  })

  test('run for one-way calls, and for each call of a fan-out', async () => {
    const seen: (string | undefined)[] = []
    const watching: Interceptor = (call, next) => {
      seen.push(call.isOneway ? 'one-way' : call.endpoint)
      return next(call)
    }
    const servers = [await server(), await server()]
    const client = clientOf<Any>('Any', servers, { interceptors: [watching] })
    await client.notify('echo')
    await client.broadcast('echo')
    expect(seen).toEqual(['one-way', ...servers.map(({ address }) => address).sort()])
  })
})
