import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { entriesOf, until } from '@rpcx/testing'
import { ignoresTheMalformed, malformed, tellsServicesApart } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import { GO_FLAGS } from './raw-client.ts'
import { consul } from './registry.ts'

describe.runIf(await requireServer('consul'))('The layout in Consul', () => {
  let server: Server
  beforeAll(async () => {
    server = await startConsul()
  })
  afterAll(() => server.stop())

  test('is the one that a Go client reads: its keys, values and flags, one session per entry, none for directories', async () => {
    await using harness = new Harness(server)
    const { raw, basePath } = harness
    const { server: own, address } = await harness.published('Arith', {
      metadata: 'weight=10&group=g1',
      ttlMs: 2_500,
    })
    own.registerName('Echo', { Echo: () => 1 }, 'note=a b/é&rate=50%25')
    await own.published()
    const stored = await raw.all(basePath)
    expect(Object.fromEntries(stored.map(({ key, value }) => [key, value]))).toEqual({
      [basePath]: 'rpcx_path',
      [harness.key('Arith')]: 'Arith',
      [harness.key('Arith', address)]: 'weight=10&group=g1',
      [harness.key('Echo')]: 'Echo',
      [harness.key('Echo', address)]: 'note=a b/é&rate=50%25',
    })
    expect(new Set(stored.map(({ flags }) => flags))).toEqual(new Set([GO_FLAGS]))
    const held = stored.filter(({ session }) => session !== undefined)
    expect(held.map(({ key }) => key)).toEqual([harness.key('Arith', address), harness.key('Echo', address)])
    const sessions = (await raw.sessions()).filter(({ ID }) => held.some(({ session }) => session === ID))
    expect(sessions).toHaveLength(2)
    for (const session of sessions) {
      expect(session).toMatchObject({
        TTL: '2500ms',
        Behavior: 'delete',
        LockDelay: 1_000_000,
        NodeChecks: [],
      })
    }
    expect(sessions.map(({ Name }) => Name).sort()).toEqual([
      `rpcx Arith at ${address}`,
      `rpcx Echo at ${address}`,
    ])
  })

  test('ties an entry to the health of its agent only when the option asks for that', async () => {
    await using harness = new Harness(server)
    const { address } = await harness.published('Arith', { nodeChecks: true })
    const { session } = (await harness.raw.get(harness.key('Arith', address))) ?? {}
    const kept = (await harness.raw.sessions()).find(({ ID }) => ID === session)
    expect(kept?.NodeChecks).toEqual(['serfHealth'])
  })

  test('holds metadata up to the documented size, and a successor can still replace them', async () => {
    await using harness = new Harness(server)
    const metadata = `note=${'x'.repeat(360 * 1024 - 5)}`
    const serviceAddress = `tcp@${'long-'.repeat(40)}:8972`
    await harness.published('Arith', { serviceAddress, metadata: 'is=first' })
    const second = await harness.published('Arith', { serviceAddress, metadata })
    expect((await harness.raw.get(harness.key('Arith', serviceAddress)))?.value).toBe(metadata)
    await second.server.setMetadata('Arith', metadata.replaceAll('x', 'y'))
    expect((await harness.raw.get(harness.key('Arith', serviceAddress)))?.value).toBe(
      metadata.replaceAll('x', 'y'),
    )
  })

  test("has a server's calls and connections in Go's format, beside the metadata of the program", async () => {
    await using harness = new Harness(server)
    const meter = (rate: number): { rateMean(): number } => ({ rateMean: () => rate })
    const metrics = { calls: meter(1_234.5), connections: meter(0.004) }
    const { address } = await harness.published('Arith', {
      metadata: 'weight=10&note=a b',
      metrics,
      updateIntervalMs: 500,
    })
    const { value } = await until(async () => {
      const found = await harness.raw.get(harness.key('Arith', address))
      return found?.value.includes('calls') ? found : undefined
    })
    expect(value).toBe('calls=1234.50&connections=0.00&note=a+b&weight=10')
  })

  test('never has an empty entry when the program has set metadata', async () => {
    await using harness = new Harness(server)
    const { raw } = harness
    const prefix = `${harness.key('Arith')}/`
    let isOver = false
    const values = new Set<string>()
    const looking = (async () => {
      while (!isOver) for (const { value } of await raw.all(prefix)) values.add(value)
    })()
    for (let turn = 0; turn < 20; turn++) {
      const { server: own, address } = await harness.published('Arith', { metadata: 'n=1' })
      await own.setMetadata('Arith', 'n=2')
      await raw.remove(harness.key('Arith', address))
      await until(async () => (await raw.get(harness.key('Arith', address))) !== undefined)
      await own.close()
    }
    isOver = true
    await looking
    expect(values).toEqual(new Set(['n=1', 'n=2']))
  })

  test.each(['/x', 'x', '/x/', 'x//', '//x', '/x//y/'])(
    'is below the path where Go looks, without a leading or double slash: base path %s',
    async given => {
      await using harness = new Harness(server)
      const basePath = given.replace('x', harness.basePath)
      const base = basePath.split('/').filter(Boolean).join('/')
      const { address } = await harness.published('Arith', { basePath, metadata: 'n=1' })
      expect((await harness.raw.all(base)).map(({ key }) => key)).toEqual([
        base,
        `${base}/Arith`,
        `${base}/Arith/${address}`,
      ])
      for (const spelling of [basePath, `/${base}/`, base]) {
        const discovery = harness.discovery({ basePath: spelling })
        expect(entriesOf(await discovery.list('Arith'))).toEqual({ [address]: 'n=1' })
      }
    },
  )

  test('shows services a, a2 and a foreign a/b each only its own entries', async () => {
    await using harness = new Harness(server)
    expect(await tellsServicesApart(consul, harness)).toEqual([
      ['a', 'b'],
      ['a', 'b/tcp@10.0.0.1:1'],
    ])
  })

  test('may contain malformed entries, which are ignored with one warning each', async () => {
    await using harness = new Harness(server)
    await harness.raw.put(harness.key('Arith', 'tcp@10.0.0.3:3'), '', '0')
    await ignoresTheMalformed(harness, {
      malformed: ['', 'tcp@10.0.0.1:1/x', ...malformed],
      good: { 'tcp@10.0.0.3:3': '' },
      put: (address, metadata) => harness.raw.put(`${harness.key('Arith')}/${address}`, metadata),
    })
  })
})
