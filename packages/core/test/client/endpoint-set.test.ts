import type { Discovery, DiscoveryStatus, Endpoints } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { parseEndpoint } from '../../src/discovery/discovery.ts'
import { Feed } from '../../src/discovery/feed.ts'
import { BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, happening, keys, serving } from '../helpers.ts'

interface Who {
  who(args?: unknown): string
}

async function named(...names: string[]) {
  return Promise.all(names.map(name => serving({ Who: { who: () => name } }, {}, ['memu', `list-${name}`])))
}

/** A discovery whose first list comes when the test publishes it. */
class Registry implements Discovery {
  readonly feed: Feed = new Feed(systemClock, 'test')
  lastError: Error | undefined
  list(): Promise<Endpoints> {
    return this.feed.list()
  }
  watch(_service: string, options: { signal?: AbortSignal } = {}): AsyncIterable<Endpoints> {
    return this.feed.watch(options)
  }
  status(): DiscoveryStatus {
    return { state: 'waiting', since: 0, source: 'registry', lastError: this.lastError }
  }
  async close(): Promise<void> {
    this.feed.close()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

describe('the list of servers', () => {
  test('that is known to be empty fails calls at once with ERR_RPCX_NO_ENDPOINT', async () => {
    const discovery = closing(new MultipleServersDiscovery([{ key: 'memu@none' }]))
    discovery.update([])
    const client = clientOf<Who>('Who', discovery)
    expect(await failure(client.call('who'))).toMatchObject({
      code: 'ERR_RPCX_NO_ENDPOINT',
      message:
        'Who.who: no server is registered; do the servers register the name Who at this registry, under the same path?',
    })
    discovery.update([
      { key: 'memu@a', value: 'state=inactive' },
      { key: 'memu@b', value: 'state=inactive' },
    ])
    await failure(client.call('who'))
    expect(await failure(client.call('who'))).toMatchObject({
      code: 'ERR_RPCX_NO_ENDPOINT',
      message: 'Who.who: 2 servers are registered, but inactive',
    })
    const grouped = clientOf<Who>('Who', discovery, { group: 'blue' })
    expect(await failure(grouped.call('who'))).toMatchObject({
      message: 'Who.who: 2 servers are registered, but inactive or not of the group "blue"',
    })
  })

  test('that is empty is waited for under waitForReady, within the deadline', async () => {
    const [server] = await named('only')
    const discovery = closing(new MultipleServersDiscovery([{ key: 'memu@none' }]))
    discovery.update([])
    const client = clientOf<Who>('Who', discovery, { waitForReady: true })
    expect(await failure(client.call('who', 1, { timeoutMs: 20 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
    })
    const waiting = client.call('who')
    discovery.update(keys([server as { address: string }]))
    expect(await waiting).toBe('only')
  })

  test('is waited for when a call comes before the first list', async () => {
    const [server] = await named('first')
    const registry = closing(new Registry())
    const client = clientOf<Who>('Who', registry)
    const waiting = client.call('who')
    const list = await new MultipleServersDiscovery(keys([server as { address: string }])).list('Who')
    registry.feed.publish(list)
    expect(await waiting).toBe('first')
  })

  test('that never comes fails calls with ERR_RPCX_REGISTRY and the last error of the registry', async () => {
    const registry = closing(new Registry())
    const client = clientOf<Who>('Who', registry, { timeoutMs: 20 })
    expect(await failure(client.call('who'))).toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      message: 'Who.who: no list of servers before the deadline: the registry has not answered',
    })
    registry.lastError = new Error('wrong password')
    const error = await failure(client.call('who'))
    expect(error.code).toBe('ERR_RPCX_REGISTRY')
    expect(error.message).toMatch('wrong password')
    expect(error.cause).toBe(registry.lastError)
  })

  test('of a discovery that breaks its promises fails calls with its error, and nothing else', async () => {
    const broken = closing(new Registry())
    const mistake = new Error('a mistake in the discovery')
    broken.watch = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(mistake) }),
    })
    const client = clientOf<Who>('Who', broken, { timeoutMs: 20 })
    const error = await failure(client.call('who'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_REGISTRY', cause: mistake })
  })

  test('stays in use after the discovery is closed', async () => {
    const discovery = new MultipleServersDiscovery(keys(await named('still')))
    const client = clientOf<Who>('Who', discovery)
    expect(await client.call('who')).toBe('still')
    await discovery.close()
    expect(await client.call('who')).toBe('still')
  })

  test('that is long and the last one is applied before calls fail for want of lists', async () => {
    const endpoints = Array.from({ length: 5_000 }, (_, n) =>
      parseEndpoint(`memu@server${String(n).padStart(4, '0')}`, ''),
    )
    const discovery = {
      async *watch() {
        yield endpoints
      },
      list: async () => endpoints,
      status: () => ({ state: 'closed', since: 0, source: 'registry', lastError: undefined }) as const,
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    } satisfies Discovery
    const client = clientOf<Who>('Who', discovery)
    await client.ready({ servers: 5_000 })
    expect(client.snapshot().endpoints).toHaveLength(5_000)
  })

  test('leaves out servers that are inactive or of another group', async () => {
    const servers = keys(await named('a', 'b', 'c', 'd'))
    const metadata = ['group=x', 'group=x&state=inactive', 'group=y', 'group=y&group=x']
    const discovery = new MultipleServersDiscovery(
      servers.map((server, i) => ({ ...server, value: metadata[i] as string })),
    )
    const called = async (group?: string): Promise<string> => {
      const client = clientOf<Who>('Who', discovery, { selectMode: 'roundRobin', ...(group && { group }) })
      const names = new Set<string>()
      for (let i = 0; i < 8; i++) names.add(await client.call('who'))
      return [...names].sort().join('')
    }
    expect([await called('x'), await called('y'), await called()]).toEqual(['ad', 'cd', 'acd'])
    const nobody = clientOf<Who>('Who', discovery, { group: 'z' })
    expect(await failure(nobody.call('who'))).toMatchObject({ code: 'ERR_RPCX_NO_ENDPOINT' })
    await discovery.close()
  })

  test('is applied when the state of a server changes', async () => {
    const [a, b] = keys(await named('a', 'b')) as [{ key: string }, { key: string }]
    const discovery = closing(new MultipleServersDiscovery([a, b]))
    const client = clientOf<Who>('Who', discovery, { selectMode: 'roundRobin' })
    const two = async (): Promise<string> => (await client.call('who')) + (await client.call('who'))
    expect(['ab', 'ba']).toContain(await two())
    discovery.update([a, { ...b, value: 'state=inactive' }])
    await discovery.list('Who')
    expect(await two()).toBe('aa')
    discovery.update([a, { ...b, value: 'state=active' }])
    await discovery.list('Who')
    expect(['ab', 'ba']).toContain(await two())
  })
})

describe('a new list', () => {
  test('fails none of 50 calls in flight; a removed server is disconnected after its last call', async () => {
    const allArrived = new Gate()
    const leave = new Gate()
    let arrived = 0
    const who = async (): Promise<string> => {
      if (++arrived === 50) allArrived.open()
      await leave.opened
      return 'done'
    }
    const servers = [await serving({ Who: { who } }), await serving({ Who: { who } })] as const
    const discovery = closing(new MultipleServersDiscovery(keys(servers)))
    const client = clientOf<Who>('Who', discovery, { selectMode: 'roundRobin' })
    const calls = Array.from({ length: 50 }, () => client.call('who'))
    await allArrived.opened
    const closed = happening(servers[0], 'connectionClosed')
    discovery.update(keys([servers[1]]))
    await discovery.list('Who')
    leave.open()
    expect(await Promise.all(calls)).toEqual(Array(50).fill('done'))
    expect(await closed).not.toHaveProperty('error')
    for (let i = 0; i < 4; i++) expect((await client.invoke('who')).endpoint).toBe(servers[1].address)
  })

  test.each(['failfast', 'failover'] as const)(
    'moves calls that wait for the dial of a removed server to another one, under %s',
    async failMode => {
      const [good] = await named('good')
      const removed = closing(await BareServer.listen())
      const discovery = closing(new MultipleServersDiscovery(keys([removed])))
      const client = clientOf<Who>('Who', discovery, { failMode })
      await discovery.list('Who')
      const call = client.invoke('who')
      discovery.update(keys([good as { address: string }]))
      expect(await call).toMatchObject({ reply: 'good', attempts: 1 })
    },
  )

  test('keeps the connections to servers that stay in the list', async () => {
    const server = closing(
      await BareServer.listen({ onMessage: (message, peer) => peer.reply(message, { payload: '"x"' }) }),
    )
    const discovery = closing(new MultipleServersDiscovery(keys([server])))
    const client = clientOf<Who>('Who', discovery)
    await client.call('who')
    discovery.update([...keys([server]).map(key => ({ ...key, value: 'weight=2' }))])
    await client.call('who')
    expect(server.peers).toHaveLength(1)
  })
})

describe('selectMode', () => {
  test('roundRobin picks the servers in the order of addresses', async () => {
    const client = clientOf<Who>('Who', await named('c', 'a', 'b'), { selectMode: 'roundRobin' })
    const names: string[] = []
    for (let i = 0; i < 7; i++) names.push(await client.call('who'))
    expect(names.join('')).toBe('abcabca')
  })

  test('random picks every server', async () => {
    const client = clientOf<Who>('Who', await named('a', 'b', 'c'))
    const names = new Set<string>()
    // The probability that a server is left out is 10^-17.
    for (let i = 0; i < 100; i++) names.add(await client.call('who'))
    expect([...names].sort()).toEqual(['a', 'b', 'c'])
  })
})
