import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { entriesOf, until } from '@rpcx/testing'
import { ignoresTheMalformed, malformed, tellsServicesApart } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { zooKeeper } from './registry.ts'

const NOBODY = '0'.repeat(16)

describe.runIf(await requireServer('zookeeper'))('The layout in ZooKeeper', () => {
  let server: Server
  beforeAll(async () => {
    server = await startZooKeeper()
  })
  afterAll(() => server.stop())

  test('is the one that a Go client reads: entries end with their session, directories do not', async () => {
    await using harness = await Harness.open(server)
    const { raw } = harness
    const { server: own, address } = await harness.published('Arith', { metadata: 'weight=10&group=g1' })
    own.registerName('Echo', { Echo: () => 1 }, 'note=a b/é&rate=50%25')
    await own.published()
    expect(await raw.get(harness.basePath)).toMatchObject({ data: 'rpcx_path', owner: NOBODY })
    for (const [service, metadata] of [
      ['Arith', 'weight=10&group=g1'],
      ['Echo', 'note=a b/é&rate=50%25'],
    ] as const) {
      expect(await raw.get(harness.path(service))).toMatchObject({ data: service, owner: NOBODY })
      const leaf = await raw.get(harness.path(service, address))
      expect(leaf?.data).toBe(metadata)
      expect(leaf?.owner).not.toBe(NOBODY)
      expect(await raw.acl(harness.path(service, address))).toEqual(['world:anyone:31'])
      expect(await raw.acl(harness.path(service))).toEqual(['world:anyone:31'])
    }
    expect(await raw.sessions()).toHaveLength(1)
  })

  test("has a server's calls and connections in Go's format, and their changes wake no client that watches the children", async () => {
    await using harness = await Harness.open(server)
    const { raw } = harness
    const meter = (rate: number): { rateMean(): number } => ({ rateMean: () => rate })
    const metrics = { calls: meter(1_234.5), connections: meter(0.004) }
    const { address } = await harness.published('Arith', {
      metadata: 'weight=10&note=a b',
      metrics,
      updateIntervalMs: 100,
    })
    const path = harness.path('Arith', address)
    const { made } = (await raw.get(path)) ?? {}
    const ticked = await until(async () => {
      const found = await raw.get(path)
      return found?.data.includes('calls') ? found : undefined
    })
    expect(ticked).toMatchObject({ data: 'calls=1234.50&connections=0.00&note=a+b&weight=10', made })
  })

  test.each([
    ['/x', '/x'],
    ['x', '/x'],
    ['/x/', '/x'],
    ['//x//', '/x'],
    ['/x//y/', '/x/y'],
  ])('is below the path where Go looks, whatever slashes it has: base path %s', async (given, written) => {
    await using harness = await Harness.open(server)
    const { raw } = harness
    const [basePath, base] = [given, written].map(path => path.replace('x', harness.basePath.slice(1)))
    const { address } = await harness.published('Arith', { basePath: basePath as string, metadata: 'n=1' })
    expect((await raw.get(base as string))?.data).toBe('rpcx_path')
    expect(await raw.children(`${base}/Arith`)).toEqual([address])
    if (base !== harness.basePath)
      expect(await raw.get(harness.basePath)).toMatchObject({ data: '', owner: NOBODY })
    for (const spelling of [base, `${base}//`, base?.slice(1)]) {
      const discovery = harness.discovery({ basePath: spelling as string })
      expect(entriesOf(await discovery.list('Arith'))).toEqual({ [address]: 'n=1' })
    }
  })

  test('shows services a, a2 and a foreign a/b each only its own entries', async () => {
    await using harness = await Harness.open(server)
    expect(await tellsServicesApart(zooKeeper, harness)).toEqual([['a', 'b']])
  })

  test('may contain malformed entries, which are ignored with one warning each', async () => {
    await using harness = await Harness.open(server)
    await harness.raw.put(harness.path('Arith', 'tcp@10.0.0.3:3'), '')
    await ignoresTheMalformed(harness, {
      malformed,
      good: { 'tcp@10.0.0.3:3': '' },
      put: (address, metadata) => harness.raw.put(harness.path('Arith', address), metadata),
    })
  })
})
