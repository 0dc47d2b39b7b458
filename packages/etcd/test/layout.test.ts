import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { entriesOf, until } from '@rpcx/testing'
import { ignoresTheMalformed, malformed, tellsServicesApart } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { etcd } from './registry.ts'

describe.runIf(await requireServer('etcd'))('The layout in etcd', () => {
  let server: Server
  beforeAll(async () => {
    server = await startEtcd()
  })
  afterAll(() => server.stop())

  test('is the one that a Go client reads: its keys and values, entries with a lease, directories without', async () => {
    await using harness = new Harness(server)
    const { server: own, address } = await harness.published('Arith', { metadata: 'weight=10&group=g1' })
    own.registerName('Echo', { Echo: () => 1 }, 'note=a b/é&rate=50%25')
    await own.published()
    const stored = await harness.gateway.all(harness.basePath)
    expect(Object.fromEntries(stored.map(({ key, value }) => [key, value]))).toEqual({
      [harness.basePath]: 'rpcx_path',
      [harness.key('Arith')]: 'Arith',
      [harness.key('Arith', address)]: 'weight=10&group=g1',
      [harness.key('Echo')]: 'Echo',
      [harness.key('Echo', address)]: 'note=a b/é&rate=50%25',
    })
    const leases = new Map(stored.map(({ key, lease }) => [key, lease]))
    const lease = leases.get(harness.key('Arith', address))
    expect(lease).not.toBe('0')
    expect(leases.get(harness.key('Echo', address))).toBe(lease)
    for (const key of [harness.basePath, harness.key('Arith'), harness.key('Echo')])
      expect(leases.get(key)).toBe('0')
    expect(await harness.gateway.leases()).toContain(lease)
  })

  test("has a server's calls and connections in Go's format, beside the metadata of the program", async () => {
    await using harness = new Harness(server)
    const meter = (rate: number): { rateMean(): number } => ({ rateMean: () => rate })
    const metrics = { calls: meter(1_234.5), connections: meter(0.004) }
    const { address } = await harness.published('Arith', {
      metadata: 'weight=10&note=a b',
      metrics,
      updateIntervalMs: 1_000,
    })
    const written = harness.key('Arith', address)
    const { value } = await until(async () => {
      const found = await harness.gateway.get(written)
      return found?.value.includes('calls') ? found : undefined
    })
    expect(value).toBe('calls=1234.50&connections=0.00&note=a+b&weight=10')
  })

  test('keeps its directories when those of a Go server expire with its lease', async () => {
    await using harness = new Harness(server)
    const { gateway } = harness
    const lease = await gateway.grant(600)
    await gateway.put(harness.basePath, 'rpcx_path', lease)
    await gateway.put(harness.key('Arith'), 'Arith', lease)
    const { address } = await harness.published('Arith')
    expect((await gateway.get(harness.key('Arith')))?.lease).toBe(lease)
    await gateway.revoke(lease)
    for (const key of [harness.basePath, harness.key('Arith')]) {
      const kept = await until(() => gateway.get(key))
      expect(kept.lease).toBe('0')
    }
    expect(await gateway.get(harness.key('Arith', address))).toBeDefined()
  })

  test.each([
    ['/x', '/x'],
    ['x', 'x'],
    ['/x/', '/x'],
    ['x//', 'x'],
    ['//x', '/x'],
    ['/x//y/', '/x/y'],
  ])('is below the path where Go looks, without double slashes: base path %s', async (given, written) => {
    await using harness = new Harness(server)
    const [basePath, base] = [given, written].map(path => path.replace('x', harness.basePath.slice(1)))
    const { address } = await harness.published('Arith', { basePath: basePath as string, metadata: 'n=1' })
    expect((await harness.gateway.all(base as string)).map(({ key }) => key)).toEqual([
      base,
      `${base}/Arith`,
      `${base}/Arith/${address}`,
    ])
    for (const spelling of [basePath, `/${base}/`, base?.replace(/^\//, '')]) {
      const discovery = harness.discovery({ basePath: spelling as string })
      expect(entriesOf(await discovery.list('Arith'))).toEqual({ [address]: 'n=1' })
    }
  })

  test('merges both spellings of a base path, and prefers the configured one', async () => {
    await using harness = new Harness(server)
    const { gateway, basePath } = harness
    const bare = basePath.slice(1)
    const both = 'tcp@10.0.0.1:1'
    await gateway.put(`${basePath}/Arith/${both}`, 'is=slash')
    await gateway.put(`${bare}/Arith/${both}`, 'is=bare')
    await gateway.put(`${bare}/Arith/tcp@10.0.0.2:2`, 'n=2')
    const slash = harness.view('Arith')
    const spelledBare = harness.view('Arith', harness.discovery({ basePath: bare }))
    await slash.shows({ [both]: 'is=slash', 'tcp@10.0.0.2:2': 'n=2' })
    await spelledBare.shows({ [both]: 'is=bare', 'tcp@10.0.0.2:2': 'n=2' })
    // After a deletion, the current entry of the other spelling is shown.
    await gateway.put(`${bare}/Arith/${both}`, 'is=bare2')
    await spelledBare.shows({ [both]: 'is=bare2', 'tcp@10.0.0.2:2': 'n=2' })
    await gateway.remove(`${basePath}/Arith/${both}`)
    await slash.shows({ [both]: 'is=bare2', 'tcp@10.0.0.2:2': 'n=2' })
    await gateway.remove(`${bare}/Arith/${both}`)
    await slash.shows({ 'tcp@10.0.0.2:2': 'n=2' })
  })

  test('shows services a, a2 and a foreign a/b each only its own entries', async () => {
    await using harness = new Harness(server)
    expect(await tellsServicesApart(etcd, harness)).toEqual([
      ['a', 'b'],
      ['a', 'b/tcp@10.0.0.1:1'],
    ])
  })

  test('may contain malformed entries, which are ignored with one warning each', async () => {
    await using harness = new Harness(server)
    await ignoresTheMalformed(harness, {
      malformed: ['', 'tcp@10.0.0.1:1/x', ...malformed],
      good: {},
      put: (address, metadata) => harness.gateway.put(`${harness.key('Arith')}/${address}`, metadata),
    })
  })
})
