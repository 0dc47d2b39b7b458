import { once } from 'node:events'
import type { AnyServices, CallContext, OneClientOptions, ServerConnection } from '@rpcx/core'
import { MultipleServersDiscovery, OneClient, Peer2PeerDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { Dials } from '../dials.ts'
import { Gate } from '../gate.ts'
import { closing, failure, keys, portOf, serving } from '../helpers.ts'
import { until } from '../until.ts'

interface Arith {
  Mul(args: { A: number; B: number }): { C: number }
}

interface Echo {
  Say(text: string): string
}

interface Both {
  Arith: Arith
  Echo: Echo
}

const both = {
  Arith: { Mul: ({ A, B }: { A: number; B: number }) => ({ C: A * B }) },
  Echo: { Say: (text: string) => text },
}

/** Returns a client of all services on these servers. */
function oneClient<S extends { readonly [N in keyof S]: object } = AnyServices>(
  servers: readonly { readonly address: string | undefined }[],
  options?: OneClientOptions,
): OneClient<S> {
  const discovery = closing(new MultipleServersDiscovery(keys(servers)))
  return closing(new OneClient<S>(discovery, options))
}

/** Returns a discovery with a separate list for each service. */
class Lists extends MultipleServersDiscovery {
  readonly #own = new Map<string, MultipleServersDiscovery>()
  set(service: string, servers: readonly { readonly address: string | undefined }[]): this {
    const known = this.#own.get(service)
    if (known === undefined) this.#own.set(service, new MultipleServersDiscovery(keys(servers)))
    else known.update(keys(servers))
    return this
  }
  override watch(service: string, options?: Parameters<MultipleServersDiscovery['watch']>[1]) {
    return (this.#own.get(service) as MultipleServersDiscovery).watch(service, options)
  }
  override async close(): Promise<void> {
    await Promise.all([...this.#own.values()].map(own => own.close()))
    await super.close()
  }
}

describe('one connection', () => {
  test('carries the calls of all services to a server, also when they start at the same time', async () => {
    const seen = new Set<ServerConnection>()
    const method = (_: unknown, { connection }: CallContext): void => void seen.add(connection)
    const server = await serving({ Arith: { method }, Echo: { method } })
    const dials = closing(new Dials(portOf(server)))
    const one = oneClient([server])
    await Promise.all([one.call('Arith', 'method'), one.call('Echo', 'method'), one.call('Arith', 'method')])
    await one.service('Echo').call('method')
    expect(seen.size).toBe(1)
    expect(dials.count).toBe(1)
  })

  test("stays open when the server leaves the list of one service, and that service's running calls end normally", async () => {
    const gate = new Gate<string>()
    const arrived = new Gate()
    const seen = new Set<ServerConnection>()
    const server = await serving({
      Arith: {
        slow: () => {
          arrived.open()
          return gate.opened
        },
      },
      Echo: { say: (_: unknown, { connection }: CallContext) => void seen.add(connection) },
    })
    const lists = closing(new Lists([{ key: 'memu@none' }]).set('Arith', [server]).set('Echo', [server]))
    const one = closing(new OneClient(lists))
    await one.call('Echo', 'say')
    const slow = one.call('Arith', 'slow')
    const late = failure(one.call('Arith', 'slow', undefined, { timeoutMs: 300 }))
    await arrived.opened
    lists.set('Arith', [])
    await until(() => one.service('Arith').snapshot().endpoints.length === 0)
    expect(await failure(one.call('Arith', 'slow'))).toMatchObject({ code: 'ERR_RPCX_NO_ENDPOINT' })
    expect(await late).toMatchObject({ code: 'ERR_RPCX_TIMEOUT' })
    gate.open('done')
    expect(await slow).toBe('done')
    await one.call('Echo', 'say')
    expect(seen.size).toBe(1)
  })

  test('closes when the server has left the lists of all services', async () => {
    const server = closing(await BareServer.listen())
    const lists = closing(new Lists([{ key: 'memu@none' }]).set('Arith', [server]).set('Echo', [server]))
    const one = closing(new OneClient(lists))
    await one.notify('Arith', 'method')
    await one.notify('Echo', 'method')
    const peer = await server.peer(0)
    await peer.message(1)
    const ended = once(peer.socket, 'end')
    lists.set('Echo', [])
    await until(() => one.service('Echo').snapshot().endpoints.length === 0)
    await one.notify('Arith', 'method')
    expect(await peer.message(2)).toMatchObject({ service: 'Arith' })
    lists.set('Arith', [])
    await ended
  })

  test('is ejected for all services, and dialled once to return to service', async () => {
    const gone = await BareServer.listen()
    await gone.close()
    const dials = closing(new Dials(portOf(gone)))
    const one = oneClient([gone])
    expect(await failure(one.call('Arith', 'method'))).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
    const error = await failure(one.call('Echo', 'method'))
    expect(error.message).toMatch('Echo.method: all servers are in back-off')
    expect(dials.count).toBe(1)
  })

  test('delivers a pushed message once, however many services share it', async () => {
    const tell = (_: unknown, { connection }: CallContext): void => {
      connection.push({ service: 'News', method: 'told', payload: 'now' })
    }
    const server = await serving({ Arith: { tell }, Echo: { tell } })
    const one = oneClient([server])
    const services: string[] = []
    one.on('push', ({ service }) => services.push(service))
    await one.call('Arith', 'tell')
    await one.call('Echo', 'tell')
    expect(services).toEqual(['News', 'News'])
  })
})

describe('each service', () => {
  test('has its own list, options and codec', async () => {
    const left = await serving({ Arith: both.Arith })
    const right = await serving({ Echo: both.Echo })
    const lists = closing(new Lists([{ key: 'memu@none' }]).set('Arith', [left]).set('Echo', [right]))
    const one = closing(new OneClient<Both>(lists, { services: { Echo: { codec: 'json' } } }))
    expect(await one.call('Arith', 'Mul', { A: 2, B: 3 })).toEqual({ C: 6 })
    expect(await one.call('Echo', 'Say', 'hi')).toBe('hi')
    expect(await one.invoke('Echo', 'Say', 'hi')).toMatchObject({ reply: 'hi', endpoint: right.address })
    expect(one.service('Arith')).toBe(one.service('Arith'))
  })

  test('uses its own codec over the shared connection', async () => {
    const server = closing(await BareServer.listen())
    const one = oneClient([server], { services: { Echo: { codec: 'json' } } })
    await one.notify('Arith', 'method', [1])
    await one.notify('Echo', 'method', [1])
    const peer = await server.peer(0)
    expect((await peer.message(0)).payload).toEqual(Buffer.from([0x91, 1]))
    expect((await peer.message(1)).payload.toString()).toBe('[1]')
  })

  test('can be broadcast to all of its servers', async () => {
    const one = oneClient<Both>([await serving(both), await serving(both)])
    expect(await one.broadcast('Arith', 'Mul', { A: 2, B: 3 })).toMatchObject([
      { reply: { C: 6 } },
      { reply: { C: 6 } },
    ])
    expect(await one.fork('Echo', 'Say', 'hi')).toBe('hi')
    expect(await one.inform('Echo', 'Say', 'hi').all()).toHaveLength(2)
  })
})

describe('close()', () => {
  test('fails the calls of all services, closes the connection, and rejects further calls', async () => {
    const server = closing(await BareServer.listen())
    const one = oneClient([server])
    const calls = [failure(one.call('Arith', 'method')), failure(one.call('Echo', 'method'))]
    const peer = await server.peer(0)
    await peer.message(1)
    const ended = once(peer.socket, 'end')
    expect(one.close()).toBe(one.close())
    for (const call of calls) expect(await call).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    await ended
    await one[Symbol.asyncDispose]()
    for (const service of ['Arith', 'Unknown'])
      expect(await failure(one.call(service, 'method'))).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })
})

test('options of connections are rejected for a single service, and others are checked at once', () => {
  const discovery = closing(new Peer2PeerDiscovery('tcp@127.0.0.1:1'))
  const make = (services: unknown) => () => new OneClient(discovery, { services } as OneClientOptions)
  expect(make({ Echo: { heartbeatMs: 1 } })).toThrow(
    new TypeError('OneClient: services.Echo.heartbeatMs belongs to the connections of all services'),
  )
  expect(make({ Echo: { timeoutMs: -1 } })).toThrow(RangeError)
  expect(() => new OneClient(discovery, { heartbeatMs: -1 })).toThrow(RangeError)
})
