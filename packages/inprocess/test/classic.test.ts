import { Server, XClient } from '@rpcx/core'
import { InprocessDiscovery, InprocessRegisterPlugin, inprocessClient } from '@rpcx/inprocess'
import { expect, test } from 'vitest'

interface Args {
  A: number
  B: number
}

interface ArithService {
  Mul(args: Args): { C: number }
  Where(): string
}

const arith = { Mul: ({ A, B }: Args) => ({ C: A * B }) }

function at(place: string): object {
  return { ...arith, Where: () => place }
}

test('the classic program works: add a plugin, register, serve without await, and call at once', async () => {
  const server = new Server()
  server.plugins.add(inprocessClient)
  server.registerName('Arith', arith)
  const serving = server.serve('tcp', '127.0.0.1:0')

  const discovery = new InprocessDiscovery()
  const client = new XClient<ArithService>('Arith', discovery)
  for (let i = 0; i < 100; i++) expect(await client.call('Mul', { A: i, B: 20 })).toEqual({ C: i * 20 })

  await serving
  await client.close()
  await discovery.close()
  await server.close()
})

test('a client that is created in the same tick as the server finds it', async () => {
  await using discovery = new InprocessDiscovery()
  await using client = new XClient<ArithService>('Early', discovery)
  const call = client.call('Mul', { A: 6, B: 7 })
  await using server = new Server()
  server.plugins.add(inprocessClient)
  server.registerName('Early', arith)
  expect(await call).toEqual({ C: 42 })
})

test('registries of different names do not see each other', async () => {
  await using east = new Server()
  await using west = new Server()
  east.plugins.add(new InprocessRegisterPlugin({ registry: 'east' }))
  west.plugins.add(new InprocessRegisterPlugin({ registry: 'west' }))
  east.registerName('Arith', at('east'))
  west.registerName('Arith', at('west'))

  for (const registry of ['east', 'west']) {
    await using discovery = new InprocessDiscovery({ registry })
    await using client = new XClient<ArithService>('Arith', discovery)
    expect(await discovery.list('Arith')).toHaveLength(1)
    expect(await client.call('Where')).toBe(registry)
  }
  await using nobody = new InprocessDiscovery({ registry: 'north' })
  expect(await nobody.list('Arith')).toEqual([])
})

test('one plugin registers two servers, and withdraws each on its own', async () => {
  const plugin = new InprocessRegisterPlugin({ registry: 'shared' })
  await using first = new Server()
  await using second = new Server()
  for (const [server, place] of [
    [first, 'first'],
    [second, 'second'],
  ] as const) {
    server.plugins.add(plugin)
    server.registerName('Arith', at(place), `at=${place}`)
  }
  await using discovery = new InprocessDiscovery({ registry: 'shared' })
  await using client = new XClient<ArithService>('Arith', discovery, { selectMode: 'roundRobin' })
  expect(new Set([await client.call('Where'), await client.call('Where')])).toEqual(
    new Set(['first', 'second']),
  )

  await first.close()
  expect((await discovery.list('Arith')).map(({ metadata }) => metadata)).toEqual(['at=second'])
  expect(await client.call('Where')).toBe('second')
})
