import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientEvents, Server } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Random } from '../../../../tools/testing/src/random.ts'
import { Flag } from '../../src/wire/header.ts'
import { BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure, happening, keys, serving } from '../helpers.ts'

interface Who {
  who(args?: unknown): string
}

async function named(...names: string[]): Promise<Server[]> {
  return Promise.all(names.map(name => serving({ Who: { who: () => name } })))
}

/** Returns a client that is connected to all of these servers. */
async function connected(
  servers: readonly { readonly address: string | undefined }[],
  holdMs?: number,
): Promise<{
  discovery: MultipleServersDiscovery
  names: (calls: number) => Promise<string>
  call: () => Promise<unknown>
  shrunk: ClientEvents['shrunk'][]
}> {
  const discovery = closing(new MultipleServersDiscovery(keys(servers)))
  const client = clientOf<Who>('Who', discovery, {
    selectMode: 'roundRobin',
    ...(holdMs === undefined ? {} : { holdMs }),
  })
  const shrunk: ClientEvents['shrunk'][] = []
  client.on('shrunk', detail => shrunk.push(detail))
  for (let i = 0; i < servers.length; i++) await client.call('who')
  const names = async (calls: number): Promise<string> => {
    const all = new Set<string>()
    for (let i = 0; i < calls; i++) all.add(await client.call('who'))
    return [...all].sort().join('')
  }
  return { discovery, names, call: () => client.call('who'), shrunk }
}

/** Waits until the client has seen the newest list. */
async function seen(discovery: MultipleServersDiscovery): Promise<void> {
  await discovery.list('Who')
  await new Promise(setImmediate)
}

describe('a list from which servers disappear one by one', () => {
  const all = 'abcdefghij'

  test.each([
    ['in one tick', async () => {}, 1],
    ['in a tick each', () => new Promise(setImmediate), 2],
    ['some milliseconds apart', () => sleep(7), 3],
  ] as const)('until none is left, %s, keeps all connected servers in use', async (_, pause, seed) => {
    const servers = await named(...all)
    const { discovery, names, shrunk } = await connected(servers)
    const left = [...servers]
    for (const random = new Random(seed); left.length > 0; await pause()) {
      left.splice(random.below(left.length), 1)
      discovery.update(keys(left))
    }
    await seen(discovery)
    expect(await names(40)).toBe(all)
    expect(shrunk).toHaveLength(1)
    const [{ from, to, held }] = shrunk as [ClientEvents['shrunk']]
    expect(from).toBe(10)
    expect(to).toBeLessThan(5)
    expect(held).toBe(10 - to)
  })

  test('sends no calls to servers that disappeared, until most of them have', async () => {
    const servers = await named(...all)
    const { discovery, names, shrunk } = await connected(servers)
    for (let left = 9; left >= 5; left--) {
      discovery.update(keys(servers.slice(0, left)))
      await seen(discovery)
      expect(await names(20)).toBe(all.slice(0, left))
    }
    expect(shrunk).toEqual([])
    discovery.update(keys(servers.slice(0, 4)))
    await seen(discovery)
    expect(await names(40)).toBe(all)
    expect(shrunk).toEqual([{ service: 'Who', from: 10, to: 4, held: 6 }])
  })

  test('does not use those whose server closed the connection before', async () => {
    const servers = await named(...all)
    const { discovery, names } = await connected(servers)
    discovery.update(keys(servers.slice(0, 8)))
    await seen(discovery)
    await servers[9]?.close()
    discovery.update(keys(servers.slice(0, 2)))
    await seen(discovery)
    expect(await names(40)).toBe('abcdefghi')
  })

  test('is applied as it is when the servers disappear over longer than holdMs', async () => {
    const servers = await named('a', 'b', 'c', 'd')
    const { discovery, names, shrunk } = await connected(servers, 150)
    for (const left of [3, 2, 1]) {
      discovery.update(keys(servers.slice(0, left)))
      await sleep(200)
      expect(await names(8)).toBe('abc'.slice(0, left))
    }
    expect(shrunk).toEqual([])
  })

  test('keeps each vanished server for holdMs, and then closes its connection', async () => {
    const servers = await named('a', 'b', 'c')
    const { discovery, names } = await connected(servers, 200)
    const closed = happening(servers[2] as Server, 'connectionClosed')
    const start = performance.now()
    discovery.update(keys(servers.slice(0, 2)))
    await closed
    expect(performance.now() - start).toBeGreaterThanOrEqual(199)
    expect(await names(10)).toBe('ab')
  })

  test('reports each loss once', async () => {
    const servers = await named(...all)
    const { discovery, shrunk } = await connected(servers, 100)
    for (const [i, left] of [10, 3, 2, 10, 1, 0, 10].entries()) {
      if (left === 10) await sleep(i === 3 ? 0 : 150)
      discovery.update(keys(servers.slice(0, left)))
      await seen(discovery)
    }
    expect(shrunk.map(({ to }) => to)).toEqual([3, 1])
  })

  test('moves the calls that wait for a vanished server to the others', async () => {
    const hole = closing(await BareServer.listen({ onMessage() {} }))
    const servers = [hole, ...(await named('a', 'b', 'c'))]
    const discovery = closing(new MultipleServersDiscovery(keys(servers)))
    const options = { selectMode: 'roundRobin', timeoutMs: 5_000 } as const
    const client = clientOf<Who>('Who', discovery, options)
    await discovery.list('Who')
    await new Promise(setImmediate)
    // The calls are sent only after the connections are open.
    const calls = servers.map(() => client.call('who'))
    discovery.update(keys(servers.slice(1)))
    expect((await Promise.all(calls)).length).toBe(4)
  })
})

describe('one update that removes more than half of three or more servers', () => {
  test('keeps the connected ones in use for holdMs', async () => {
    const servers = await named('a', 'b', 'c')
    const { discovery, names } = await connected(servers, 300)
    const start = performance.now()
    discovery.update(keys(servers.slice(0, 1)))
    await seen(discovery)
    expect(await names(30)).toBe('abc')
    while ((await names(6)) !== 'a') expect(performance.now() - start).toBeLessThan(2_000)
    expect(performance.now() - start).toBeGreaterThanOrEqual(299)
  })

  test('keeps them in use when it removes all servers', async () => {
    const servers = await named('a', 'b', 'c')
    const { discovery, names, call } = await connected(servers, 200)
    discovery.update([])
    await seen(discovery)
    expect(await names(30)).toBe('abc')
    for (let isOver = false; !isOver; ) {
      isOver = await names(1).then(
        () => false,
        () => true,
      )
    }
    expect(await failure(call())).toMatchObject({ code: 'ERR_RPCX_NO_ENDPOINT' })
  })

  test('drops a server at once when it closes the connection', async () => {
    const servers = await named('a', 'b', 'c')
    const { discovery, names } = await connected(servers)
    discovery.update(keys(servers.slice(0, 1)))
    await seen(discovery)
    expect(await names(30)).toBe('abc')
    await servers[1]?.close()
    expect(await names(30)).toBe('ac')
  })

  test('never dials servers that closed the connection, even when no other is left', async () => {
    const servers = await named('a', 'b', 'c')
    const { discovery, call } = await connected(servers)
    discovery.update([])
    await seen(discovery)
    for (const server of servers) await server.close()
    expect(await failure(call())).toMatchObject({ code: 'ERR_RPCX_NO_ENDPOINT' })
  })

  test('drops a server that does not respond to a heartbeat', async () => {
    const dead = await BareServer.listen({
      onMessage: (message, peer) => message.isHeartbeat || peer.reply(message, { payload: '"dead"' }),
    })
    const beating = await BareServer.listen({
      onMessage(message, peer) {
        peer.reply(message, message.isHeartbeat ? { flags: Flag.heartbeat } : { payload: '"alive"' })
      },
    })
    const servers = [closing(dead), closing(beating), ...(await named('a', 'b'))]
    const { discovery, names } = await connected(servers)
    discovery.update(keys(servers.slice(3)))
    await seen(discovery)
    expect(await names(30)).toBe('aalivebdead')
    const start = performance.now()
    while ((await names(8)) !== 'aaliveb') expect(performance.now() - start).toBeLessThan(3_000)
  })

  test('uses servers without a connection only when no other is left', async () => {
    const servers = await named('a', 'b', 'c')
    const discovery = closing(new MultipleServersDiscovery(keys(servers)))
    const client = clientOf<Who>('Who', discovery)
    await discovery.list('Who')
    await new Promise(setImmediate)
    discovery.update(keys(servers.slice(0, 1)))
    await seen(discovery)
    for (let i = 0; i < 20; i++) expect(await client.call('who')).toBe('a')
    await servers[0]?.close()
    const left = new Set<string>()
    for (let i = 0; i < 40; i++) left.add(await client.call('who').catch(() => 'x'))
    left.delete('x')
    expect([...left].sort()).toEqual(['b', 'c'])
  })

  test('continues to use them without a new connection when the list returns', async () => {
    const bare = await BareServer.listen({
      onMessage(message, peer) {
        peer.reply(message, message.isHeartbeat ? { flags: Flag.heartbeat } : { payload: '"bare"' })
      },
    })
    const servers = [closing(bare), ...(await named('a', 'b'))]
    const { discovery, names } = await connected(servers, 100)
    discovery.update([])
    await seen(discovery)
    discovery.update(keys(servers))
    await seen(discovery)
    const over = performance.now() + 200
    while (performance.now() < over) expect(await names(9)).toBe('abbare')
    expect(bare.peers).toHaveLength(1)
  })

  test('drops servers that are listed as inactive, and all servers with holdMs 0', async () => {
    const servers = await named('a', 'b', 'c')
    const operated = await connected(servers)
    const inactive = keys(servers).map((key, i) => (i === 0 ? key : { ...key, value: 'state=inactive' }))
    operated.discovery.update(inactive)
    await seen(operated.discovery)
    expect(await operated.names(10)).toBe('a')
    const strict = await connected(servers, 0)
    strict.discovery.update(keys(servers.slice(0, 1)))
    await seen(strict.discovery)
    expect(await strict.names(10)).toBe('a')
  })
})

test('consistentHash leaves the keys of vanished servers where they are', async () => {
  const servers = await named('a', 'b', 'c', 'd')
  const discovery = closing(new MultipleServersDiscovery(keys(servers)))
  const client = clientOf<Who>('Who', discovery, { selectMode: 'consistentHash' })
  const answers = (): Promise<string[]> =>
    Promise.all(Array.from({ length: 40 }, (_, i) => client.call('who', i)))
  const before = await answers()
  expect(new Set(before).size).toBe(4)
  discovery.update(keys(servers.slice(0, 1)))
  await seen(discovery)
  expect(await answers()).toEqual(before)
})

test.each([
  [2, 0],
  [3, 2],
  [4, 2],
])('an update from %i to %i servers is applied at once', async (before, after) => {
  const servers = await named(...['a', 'b', 'c', 'd'].slice(0, before))
  const { discovery, names, call } = await connected(servers)
  discovery.update(keys(servers.slice(0, after)))
  await seen(discovery)
  if (after === 0) expect(await failure(call())).toMatchObject({ code: 'ERR_RPCX_NO_ENDPOINT' })
  else expect(await names(12)).toBe('abcd'.slice(0, after))
})

test('a rolling restart of one server after the other is not a shrinking list', async () => {
  const servers = await named('a', 'b', 'c')
  const { discovery, names } = await connected(servers)
  for (const [i, server] of servers.entries()) {
    discovery.update(keys(servers.filter((_, at) => at !== i)))
    await seen(discovery)
    expect(await names(8)).toBe('abc'.replace('abc'[i] as string, ''))
    discovery.update(keys([server, ...servers.filter(other => other !== server)]))
    await seen(discovery)
  }
})
