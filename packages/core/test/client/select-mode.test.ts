import type { Chooser, Selector, XClientOptions } from '@rpcx/core'
import { MultipleServersDiscovery, XClient } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, keys, serving } from '../helpers.ts'

interface Who {
  who(args?: unknown): string
}

/** Starts servers that reply with their names, and lists them with this metadata. */
async function named(servers: Readonly<Record<string, string>>): Promise<MultipleServersDiscovery> {
  const all = Object.entries(servers).map(async ([name, value]) => {
    const server = await serving({ Who: { who: () => name } })
    return { key: server.address as string, value }
  })
  return closing(new MultipleServersDiscovery(await Promise.all(all)))
}

/** Resolves to the names that this many calls get. */
async function names(
  client: XClient<Who>,
  calls: number,
  args: (i: number) => unknown = i => i,
): Promise<string> {
  let all = ''
  for (let i = 0; i < calls; i++) all += await client.call('who', args(i))
  return all
}

const inOrder = (text: string): string => [...text].sort().join('')

describe('selectMode', () => {
  test('weightedRoundRobin calls each server in proportion to its weight', async () => {
    const discovery = await named({ a: 'weight=5', b: '', c: 'weight=0' })
    const client = clientOf<Who>('Who', discovery, { selectMode: 'weightedRoundRobin' })
    expect(inOrder(await names(client, 12))).toBe('aaaaaaaaaabb')
  })

  test('weightedRoundRobin fails calls when all weights are 0, and never crashes', async () => {
    const client = clientOf<Who>('Who', await named({ a: 'weight=0', b: 'weight=-3' }), {
      selectMode: 'weightedRoundRobin',
    })
    const error = await failure(client.call('who'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_NO_ENDPOINT' })
    expect(error.message).toBe('Who.who: the selector chose none of 2 servers')
  })

  test('consistentHash calls the same server for the same arguments, or the same key', async () => {
    const discovery = await named({ a: '', b: '', c: '', d: '' })
    const byArgs = clientOf<Who>('Who', discovery, { selectMode: 'consistentHash' })
    for (const args of [1, { A: 1 }, 'text']) {
      expect(new Set(await names(byArgs, 10, () => args)).size).toBe(1)
    }
    expect(new Set(await names(byArgs, 60)).size).toBe(4)
    const hashKey = ({ args }: Chooser): string => String((args as number) % 2)
    const byKey = clientOf<Who>('Who', discovery, { selectMode: 'consistentHash', hashKey })
    expect(new Set(await names(byKey, 20, i => i * 2)).size).toBe(1)
  })

  test('closest calls the nearest server', async () => {
    const discovery = await named({
      b: 'latitude=52.52&longitude=13.40',
      l: 'latitude=51.5&longitude=-0.12',
      x: '',
    })
    const position = { latitude: 48.85, longitude: 2.35 }
    expect(await names(clientOf<Who>('Who', discovery, { selectMode: 'closest', position }), 5)).toBe('lllll')
  })

  test('ping rarely calls a server that answers no heartbeat', async () => {
    const mute = await BareServer.listen({
      onMessage: (message, peer) => message.isHeartbeat || peer.reply(message, { payload: '"mute"' }),
    })
    const quick = await serving({ Who: { who: () => 'quick' } })
    const client = clientOf<Who>('Who', [closing(mute), quick], { selectMode: 'ping' })
    // The odds are 1 to 191 once both were measured. With equal odds, this would happen once in 10^7 runs.
    for (let seldom = false; !seldom; ) seldom = (await names(client, 40)).split('mute').length <= 3
  })

  test('leastActive avoids a server with calls in flight', async () => {
    const gate = new Gate()
    const slow = await serving({ Who: { who: () => gate.opened } })
    const quick = await serving({ Who: { who: () => 'quick' } })
    const client = clientOf<Who>('Who', [slow, quick], { selectMode: 'leastActive' })
    const calls = Array.from({ length: 3 }, () => client.call('who'))
    const other = await Promise.race(calls)
    expect(other).toBe('quick')
    for (let i = 0; i < 50; i++) expect(await client.call('who')).toBe('quick')
    gate.open()
    await Promise.all(calls)
  })

  test('of your own picks by the call, the servers and their load', async () => {
    const discovery = await named({ a: 'for=x', b: 'for=y' })
    const lists: number[] = []
    const selector: Selector = {
      update: servers => lists.push(servers.length),
      pick: (candidates, { args, method }) => {
        expect(method).toBe('who')
        return candidates.find(({ endpoint }) => endpoint.values.get('for')?.[0] === args)
      },
    }
    const client = clientOf<Who>('Who', discovery, { selectMode: selector })
    expect(await client.call('who', 'y')).toBe('b')
    expect(await client.call('who', 'x')).toBe('a')
    expect(await failure(client.call('who', 'z'))).toMatchObject({ code: 'ERR_RPCX_NO_ENDPOINT' })
    expect(lists).toEqual([2])
  })

  test.each<[string, Selector, string]>([
    [
      'throws',
      {
        pick() {
          throw new Error('no idea')
        },
      },
      'Who.who: the selector failed: no idea',
    ],
    [
      'returns a server that is not in the list',
      { pick: ([first]) => ({ ...(first as NonNullable<typeof first>) }) },
      'Who.who: the selector failed: it chose something that is not among the candidates',
    ],
  ])('of your own that %s fails the call with ERR_RPCX_SELECTOR', async (_what, selectMode, message) => {
    const client = clientOf<Who>('Who', await named({ a: '' }), { selectMode, timeoutMs: 0 })
    const error = await failure(client.call('who'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_SELECTOR', message, cause: expect.any(Error) })
  })
})

describe('a client', () => {
  test('that is sticky keeps to one server until that server is gone', async () => {
    const discovery = await named({ a: '', b: '', c: '' })
    const client = clientOf<Who>('Who', discovery, { sticky: true })
    const [first] = await names(client, 1)
    expect(await names(client, 10)).toBe(first?.repeat(10))
    const list = await discovery.list('Who')
    const left = (await client.invoke('who')).endpoint
    discovery.update(list.filter(({ address }) => address !== left).map(({ address }) => ({ key: address })))
    await discovery.list('Who')
    await new Promise(setImmediate)
    const [second] = await names(client, 1)
    expect(second).not.toBe(first)
    expect(await names(client, 10)).toBe(second?.repeat(10))
  })

  test('with a zone calls the servers of that zone, and others when these are gone', async () => {
    const here = await serving({ Who: { who: () => 'here' } })
    const there = await serving({ Who: { who: () => 'there' } })
    const list = [
      { key: here.address as string, value: 'zone=h' },
      { key: there.address as string, value: 'zone=t' },
    ]
    const client = clientOf<Who>('Who', closing(new MultipleServersDiscovery(list)), {
      zone: 'h',
      failMode: 'failover',
      idempotent: true,
    })
    for (let i = 0; i < 20; i++) expect(await client.call('who')).toBe('here')
    await here.close()
    for (let i = 0; i < 20; i++) expect(await client.call('who')).toBe('there')
  })

  test('with a subset connects to the given number of servers', async () => {
    const servers = await Promise.all(
      Array.from({ length: 6 }, (_, i) => serving({ Who: { who: () => String(i) } })),
    )
    const discovery = closing(new MultipleServersDiscovery(keys(servers)))
    const seen = async (key: string): Promise<string> => {
      const client = clientOf<Who>('Who', discovery, { selectMode: 'roundRobin', subset: { size: 2, key } })
      return inOrder(await names(client, 4))
    }
    const one = await seen('one')
    expect(new Set(one).size).toBe(2)
    expect(await seen('one')).toBe(one)
    const all = new Set<string>()
    for (let i = 0; i < 20; i++) for (const name of await seen(`other ${i}`)) all.add(name)
    expect(all.size).toBe(6)
  })

  test('with maxCallsPerServer uses other servers, and fails calls when all are at the limit', async () => {
    const gate = new Gate<string>()
    const servers = [1, 2].map(() => serving({ Who: { who: () => gate.opened } }))
    const client = clientOf<Who>('Who', await Promise.all(servers), { maxCallsPerServer: 2 })
    const calls = Array.from({ length: 4 }, () => client.invoke('who'))
    const error = await failure(client.call('who'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
    expect(error.message).toBe('Who.who: 2 calls wait for each server that may be chosen')
    gate.open('done')
    const endpoints = (await Promise.all(calls)).map(({ endpoint }) => endpoint)
    expect(new Set(endpoints).size).toBe(2)
    expect(await client.call('who')).toBe('done')
  })
})

describe('a client rejects', () => {
  const discovery = new MultipleServersDiscovery([{ key: 'memu@nobody' }])
  test.each<[XClientOptions, string]>([
    [{ selectMode: 'closest' }, 'selectMode closest needs a position'],
    [{ selectMode: 'random', position: { latitude: 1, longitude: 1 } }, 'position works only with'],
    [{ hashKey: () => '' }, 'hashKey works only with selectMode consistentHash'],
    [
      { selectMode: 'nearest' as 'random' },
      'selectMode is "nearest", not one of random, roundRobin, weightedRoundRobin, consistentHash, closest, ping, leastActive',
    ],
    [{ selectMode: {} as Selector }, 'selectMode is an object of Object, not one of random'],
    [{ selectMode: 'closest', position: { latitude: Number.NaN, longitude: 1 } }, 'needs a position'],
  ])('%j', (options, text) => {
    expect(() => new XClient('Who', discovery, options)).toThrow(TypeError)
    expect(() => new XClient('Who', discovery, options)).toThrow(text)
  })
  test.each<[XClientOptions, string]>([
    [{ subset: { size: 0 } }, 'subset.size is 0'],
    [{ maxCallsPerServer: 0 }, 'maxCallsPerServer is 0'],
    [{ holdMs: -1 }, 'holdMs is -1'],
    [{ retryBudget: Number.NaN }, 'retryBudget is NaN'],
  ])('%j', (options, text) => {
    expect(() => new XClient('Who', discovery, options)).toThrow(RangeError)
    expect(() => new XClient('Who', discovery, options)).toThrow(text)
  })
})
