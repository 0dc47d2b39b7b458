import { AsyncLocalStorage } from 'node:async_hooks'
import type { Interceptor, Selector, XClientOptions } from '@rpcx/core'
import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure, serving } from '../helpers.ts'

const store = new AsyncLocalStorage<string>()

interface S {
  who(args: { u: string }): string
  wait(): void
}

const service = {
  who: ({ u }: { u: string }) => `${u} as ${store.getStore()}`,
  wait: () => new Promise(() => {}),
}

/** Starts a server outside of any async context. */
async function memory(): Promise<Server> {
  const server = closing(new Server({ lingerMs: 0, drainMs: 0 }))
  server.registerName('S', service)
  await server.serve('memu', server.id)
  return server
}

const users = ['alice', 'bob', 'carol']

describe('the async context of a call is never that of another call', () => {
  test.each<[string, () => Promise<Server>]>([
    ['memu', memory],
    ['tcp', () => serving({ S: service }, { drainMs: 0 })],
  ])('in methods: %s', async (_network, start) => {
    const client = clientOf<S>('S', [await start()])
    await store.run('first', () => client.call('who', { u: 'first' }))
    const answers = await Promise.all(users.map(u => store.run(u, () => client.call('who', { u }))))
    expect(answers).toEqual(users.map(u => `${u} as undefined`))
  })

  test('in interceptors, and in the code that awaits the call', async () => {
    const seen: (string | undefined)[] = []
    const interceptor: Interceptor = async (call, next) => {
      seen.push(store.getStore())
      const invocation = await next(call)
      seen.push(store.getStore())
      return invocation
    }
    const client = clientOf<S>('S', [await memory()], { interceptors: [interceptor] })
    await Promise.all(
      users.map(u =>
        store.run(u, async () => {
          await client.call('who', { u })
          expect(store.getStore()).toBe(u)
        }),
      ),
    )
    expect(seen.sort()).toEqual([...users, ...users].sort())
  })

  test.each<[string, XClientOptions]>([
    ['a connection', {}],
    ['a token', { token: async () => 'token' }],
  ])('in selectors, when calls wait for %s', async (_what, options) => {
    const seen: [string, string | undefined][] = []
    const selectMode: Selector = {
      pick(candidates, { args }) {
        seen.push([(args as { u: string }).u, store.getStore()])
        return candidates[0]
      },
    }
    const client = clientOf<S>('S', [await serving({ S: service })], { ...options, selectMode })
    await Promise.all(users.map(u => store.run(u, () => client.call('who', { u }))))
    for (const [u, inside] of seen) expect([u, undefined]).toContain(inside)
  })

  test('in events that a deadline causes', async () => {
    const server = closing(await BareServer.listen())
    const other = await serving({ S: service })
    const client = clientOf<S>('S', [server, other], { heartbeatMs: 0, selectMode: 'roundRobin' })
    const seen: (string | undefined)[] = []
    client.on('ejected', () => seen.push(store.getStore()))
    await Promise.all(
      users.map(u => store.run(u, () => failure(client.call('wait', undefined, { timeoutMs: 50 })))),
    )
    expect(seen.length).toBeGreaterThan(0)
    expect(seen.every(inside => inside === undefined)).toBe(true)
  })
})
