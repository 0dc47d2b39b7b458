import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { entriesOf, until } from '@rpcx/testing'
import { ignoresTheMalformed, malformed, tellsServicesApart } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { etcd } from './registry.ts'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('etcd'))('The layout in etcd', () => {
  let server: Server
  beforeAll(async () => {
    server = await startEtcd()
  })
  afterAll(() => server.stop())

  test('is the one that a Go client reads: its keys and values, entries with a lease, directories without', async () => {
    await using stage = new Stage(server)
    const { server: own, address } = await stage.published('Arith', { metadata: 'weight=10&group=g1' })
    own.registerName('Echo', { Echo: () => 1 }, 'note=a b/é&rate=50%25')
    await own.published()
    const stored = await stage.gateway.all(stage.basePath)
    expect(Object.fromEntries(stored.map(({ key, value }) => [key, value]))).toEqual({
      [stage.basePath]: 'rpcx_path',
      [stage.key('Arith')]: 'Arith',
      [stage.key('Arith', address)]: 'weight=10&group=g1',
      [stage.key('Echo')]: 'Echo',
      [stage.key('Echo', address)]: 'note=a b/é&rate=50%25',
    })
    const leases = new Map(stored.map(({ key, lease }) => [key, lease]))
    const lease = leases.get(stage.key('Arith', address))
    expect(lease).not.toBe('0')
    expect(leases.get(stage.key('Echo', address))).toBe(lease)
    for (const key of [stage.basePath, stage.key('Arith'), stage.key('Echo')])
      expect(leases.get(key)).toBe('0')
    expect(await stage.gateway.leases()).toContain(lease)
  })

  test("has a server's calls and connections in Go's format, beside the metadata of the program", async () => {
    await using stage = new Stage(server)
    const meter = (rate: number): { rateMean(): number } => ({ rateMean: () => rate })
    const metrics = { calls: meter(1_234.5), connections: meter(0.004) }
    const { address } = await stage.published('Arith', {
      metadata: 'weight=10&note=a b',
      metrics,
      updateIntervalMs: 1_000,
    })
    const written = stage.key('Arith', address)
    const { value } = await until(async () => {
      const found = await stage.gateway.get(written)
      return found?.value.includes('calls') ? found : undefined
    })
    expect(value).toBe('calls=1234.50&connections=0.00&note=a+b&weight=10')
  })

  test('keeps its directories when those of a Go server expire with its lease', async () => {
    await using stage = new Stage(server)
    const { gateway } = stage
    const lease = await gateway.grant(600)
    await gateway.put(stage.basePath, 'rpcx_path', lease)
    await gateway.put(stage.key('Arith'), 'Arith', lease)
    const { address } = await stage.published('Arith')
    expect((await gateway.get(stage.key('Arith')))?.lease).toBe(lease)
    await gateway.revoke(lease)
    for (const key of [stage.basePath, stage.key('Arith')]) {
      const kept = await until(() => gateway.get(key))
      expect(kept.lease).toBe('0')
    }
    expect(await gateway.get(stage.key('Arith', address))).toBeDefined()
  })

  test.each([
    ['/x', '/x'],
    ['x', 'x'],
    ['/x/', '/x'],
    ['x//', 'x'],
    ['//x', '/x'],
    ['/x//y/', '/x/y'],
  ])('is below the path where Go looks, without double slashes: base path %s', async (given, written) => {
    await using stage = new Stage(server)
    const [basePath, base] = [given, written].map(path => path.replace('x', stage.basePath.slice(1)))
    const { address } = await stage.published('Arith', { basePath: basePath as string, metadata: 'n=1' })
    expect((await stage.gateway.all(base as string)).map(({ key }) => key)).toEqual([
      base,
      `${base}/Arith`,
      `${base}/Arith/${address}`,
    ])
    for (const spelling of [basePath, `/${base}/`, base?.replace(/^\//, '')]) {
      const discovery = stage.discovery({ basePath: spelling as string })
      expect(entriesOf(await discovery.list('Arith'))).toEqual({ [address]: 'n=1' })
    }
  })

  test('merges both spellings of a base path, and prefers the configured one', async () => {
    await using stage = new Stage(server)
    const { gateway, basePath } = stage
    const bare = basePath.slice(1)
    const both = 'tcp@10.0.0.1:1'
    await gateway.put(`${basePath}/Arith/${both}`, 'is=slash')
    await gateway.put(`${bare}/Arith/${both}`, 'is=bare')
    await gateway.put(`${bare}/Arith/tcp@10.0.0.2:2`, 'n=2')
    const slash = stage.view('Arith')
    const spelledBare = stage.view('Arith', stage.discovery({ basePath: bare }))
    await slash.shows({ [both]: 'is=slash', 'tcp@10.0.0.2:2': 'n=2' })
    await spelledBare.shows({ [both]: 'is=bare', 'tcp@10.0.0.2:2': 'n=2' })
    // What stands in for a deleted key is the other spelling's, as it is by then.
    await gateway.put(`${bare}/Arith/${both}`, 'is=bare2')
    await spelledBare.shows({ [both]: 'is=bare2', 'tcp@10.0.0.2:2': 'n=2' })
    await gateway.remove(`${basePath}/Arith/${both}`)
    await slash.shows({ [both]: 'is=bare2', 'tcp@10.0.0.2:2': 'n=2' })
    await gateway.remove(`${bare}/Arith/${both}`)
    await slash.shows({ 'tcp@10.0.0.2:2': 'n=2' })
  })

  test('shows services a, a2 and a foreign a/b each only its own entries', async () => {
    await using stage = new Stage(server)
    expect(await tellsServicesApart(etcd, stage)).toEqual([
      ['a', 'b'],
      ['a', 'b/tcp@10.0.0.1:1'],
    ])
  })

  test('may contain malformed entries, which are ignored with one warning each', async () => {
    await using stage = new Stage(server)
    await ignoresTheMalformed(stage, {
      malformed: ['', 'tcp@10.0.0.1:1/x', ...malformed],
      good: {},
      put: (address, metadata) => stage.gateway.put(`${stage.key('Arith')}/${address}`, metadata),
    })
  })
})
