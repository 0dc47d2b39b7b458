import type { Codec, Discovery, Endpoints, Selector, XClientOptions } from '@rpcx/core'
import { MultipleServersDiscovery, OneClient } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, keys, serving } from '../helpers.ts'
import { until } from '../until.ts'

// Functions of the program fail, and the other calls of the client must not be affected.

const boom = new Error('boom')

interface S {
  hi(): string
  get(): never
}

const service = { hi: () => 'hi', get: () => new Promise(() => {}) }

const WAYS: readonly [string, () => never][] = [
  [
    'throws',
    () => {
      throw boom
    },
  ],
  ['rejects', () => Promise.reject(boom) as never],
]

describe('a hedged call', () => {
  test.each([
    [
      'whose parent has no time left',
      () => ({ deadline: Date.now() + 20, signal: new AbortController().signal, metadata: {} }),
    ],
    [
      'whose parent is aborted',
      () => ({ deadline: undefined, signal: AbortSignal.timeout(20), metadata: {} }),
    ],
  ])('%s when its copy is due fails as it would have without the copy', async (_what, parentOf) => {
    const servers = await Promise.all([0, 1, 2, 3].map(() => serving({ S: service }, { drainMs: 0 })))
    const client = clientOf<S>('S', servers, {
      failMode: 'failbackup',
      idempotent: true,
      backupAfter: { ms: 20 },
    })
    for (let i = 0; i < 8; i++) await client.call('hi')
    const error = await failure(client.call('get', undefined, { parent: parentOf() }))
    expect(error.code === 'ERR_RPCX_TIMEOUT' || error.name === 'TimeoutError').toBe(true)
  })

  test('whose client is closed before its copy is due fails as it would have without the copy', async () => {
    const servers = await Promise.all([0, 1].map(() => serving({ S: service }, { drainMs: 0 })))
    const client = clientOf<S>('S', servers, {
      failMode: 'failbackup',
      idempotent: true,
      backupAfter: { ms: 1 },
    })
    for (let i = 0; i < 4; i++) await client.call('hi')
    const call = failure(client.call('get'))
    await client.close()
    expect(await call).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })
})

describe.each(WAYS)('a function that %s', (_way, fail) => {
  test('as pick of a selector fails that call alone', async () => {
    const server = await serving({ S: service })
    let isBroken = true
    const selectMode: Selector = { pick: candidates => (isBroken ? fail() : candidates[0]) }
    const client = clientOf<S>('S', [server], { selectMode })
    expect(await failure(client.call('hi'))).toMatchObject({ code: 'ERR_RPCX_SELECTOR' })
    isBroken = false
    expect(await client.call('hi')).toBe('hi')
  })

  test('as update of a selector is reported, and the list is still followed', async () => {
    const [first, second] = await Promise.all([serving({ S: service }), serving({ S: service })])
    const discovery = closing(new MultipleServersDiscovery(keys([first])))
    const told: string[] = []
    const seen: number[] = []
    const selectMode: Selector = {
      update: servers => {
        seen.push(servers.length)
        return fail()
      },
      pick: candidates => candidates[0],
    }
    const client = clientOf<S>('S', discovery, { selectMode })
    client.on('callbackFailed', ({ callback }) => told.push(callback))
    expect(await client.call('hi')).toBe('hi')
    discovery.update(keys([first, second]))
    await until(() => seen.includes(2))
    await until(() => told.includes('selector.update'))
    expect(client.snapshot().endpoints).toHaveLength(2)
  })

  test('as hashKey, token, an interceptor or tls fails that call alone', async () => {
    const server = await serving({ S: service })
    const options: [XClientOptions, string | undefined][] = [
      [{ selectMode: 'consistentHash', hashKey: fail }, 'ERR_RPCX_SELECTOR'],
      [{ token: fail }, 'ERR_RPCX_AUTH'],
      [{ interceptors: [fail] }, undefined],
      [{ tls: fail }, 'ERR_RPCX_UNAVAILABLE'],
    ]
    for (const [option, code] of options) {
      const client = clientOf<S>('S', [server], option)
      expect((await failure(client.call('hi'))).code).toBe(code)
    }
  })

  test('as a codec fails that call alone', async () => {
    const server = await serving({ S: service })
    const codec: Codec = { name: 'broken', id: 9, encode: fail, decode: fail }
    const client = clientOf<S>('S', [server], { codec })
    expect(await failure(client.call('hi'))).toMatchObject({ code: 'ERR_RPCX_ARGUMENT' })
    expect(client.snapshot().endpoints[0]?.state).not.toBe('out')
  })

  test('as a listener is reported, and the other listeners are called', async () => {
    const server = await serving({ S: service })
    const client = clientOf<S>('S', [server], { failMode: 'failover' })
    const told: string[] = []
    const heard = new Gate<string>()
    client.on('callbackFailed', ({ callback }) => told.push(callback))
    client.on('ejected', fail)
    client.on('ejected', ({ endpoint }) => heard.open(endpoint))
    await client.call('hi')
    await server.close()
    await failure(client.call('hi'))
    expect(await heard.opened).toBe(server.address)
    await until(() => told.includes('listener of ejected'))
  })

  test('as status of a discovery is reported, also when a client of many services looks for idle ones', async () => {
    const server = await serving({ S: service })
    const inner = closing(new MultipleServersDiscovery(keys([server])))
    const discovery: Discovery = {
      list: (name, options) => inner.list(name, options),
      watch: (name, options) => inner.watch(name, options),
      status: fail,
      close: () => inner.close(),
      [Symbol.asyncDispose]: () => inner.close(),
    }
    const one = closing(new OneClient(discovery, {}, { sweepMs: 2 }))
    const told = new Gate<string>()
    one.on('callbackFailed', ({ callback }) => told.open(callback))
    expect(await one.call('S', 'hi')).toBe('hi')
    expect(await told.opened).toBe('discovery.status')
  })

  test('as verify or status of a discovery is reported, and calls continue', async () => {
    const server = await serving({ S: service })
    const inner = closing(new MultipleServersDiscovery(keys([server])))
    const discovery: Discovery = {
      list: (name, options) => inner.list(name, options),
      watch: (name, options) => inner.watch(name, options),
      status: fail,
      verify: fail,
      close: () => inner.close(),
      [Symbol.asyncDispose]: () => inner.close(),
    }
    const client = clientOf<S>('S', discovery, { failMode: 'failover' })
    const told: string[] = []
    client.on('callbackFailed', ({ callback }) => told.push(callback))
    await client.call('hi')
    await server.close()
    await failure(client.call('hi'))
    await until(() => told.includes('discovery.verify'))
    const silent: Discovery = {
      ...discovery,
      async *watch(): AsyncGenerator<Endpoints> {
        await new Promise(() => {})
      },
    }
    const waiting = clientOf<S>('S', silent, { timeoutMs: 50 })
    expect(await failure(waiting.call('hi'))).toMatchObject({ code: 'ERR_RPCX_REGISTRY' })
  })
})
