import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { entriesOf, heardOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

const NOBODY = '0'.repeat(16)

describe.runIf(await requireServer('zookeeper'))('What lies in ZooKeeper', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test('is what a Go client reads: the entry ends with its session, the directories do not', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const { server, address } = await stage.published('Arith', { metadata: 'weight=10&group=g1' })
    server.registerName('Echo', { Echo: () => 1 }, 'note=a b/é&rate=50%25')
    await server.published()
    expect(await hand.get(stage.basePath)).toMatchObject({ data: 'rpcx_path', owner: NOBODY })
    for (const [service, metadata] of [
      ['Arith', 'weight=10&group=g1'],
      ['Echo', 'note=a b/é&rate=50%25'],
    ] as const) {
      expect(await hand.get(stage.path(service))).toMatchObject({ data: service, owner: NOBODY })
      const leaf = await hand.get(stage.path(service, address))
      expect(leaf?.data).toBe(metadata)
      expect(leaf?.owner).not.toBe(NOBODY)
      expect(await hand.acl(stage.path(service, address))).toEqual(['world:anyone:31'])
      expect(await hand.acl(stage.path(service))).toEqual(['world:anyone:31'])
    }
    expect(await hand.sessions()).toHaveLength(1)
  })

  test("has a server's figures in Go's format, beside what the program set, and nobody who watches the children hears of them", async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const meter = (rate: number): { rateMean(): number } => ({ rateMean: () => rate })
    const metrics = { calls: meter(1_234.5), connections: meter(0.004) }
    const { address } = await stage.published('Arith', {
      metadata: 'weight=10&note=a b',
      metrics,
      updateIntervalMs: 100,
    })
    const path = stage.path('Arith', address)
    const { made } = (await hand.get(path)) ?? {}
    const ticked = await until(async () => {
      const found = await hand.get(path)
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
  ])('lies where Go would look for it, whatever slashes it has: base path %s', async (given, written) => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const [basePath, base] = [given, written].map(path => path.replace('x', stage.basePath.slice(1)))
    const { address } = await stage.published('Arith', { basePath: basePath as string, metadata: 'n=1' })
    expect((await hand.get(base as string))?.data).toBe('rpcx_path')
    expect(await hand.children(`${base}/Arith`)).toEqual([address])
    if (base !== stage.basePath)
      expect(await hand.get(stage.basePath)).toMatchObject({ data: '', owner: NOBODY })
    for (const spelling of [base, `${base}//`, base?.slice(1)]) {
      const discovery = stage.discovery({ basePath: spelling as string })
      expect(entriesOf(await discovery.list('Arith'))).toEqual({ [address]: 'n=1' })
    }
  })

  test('of services a, a2 and a foreign a/b is shown to each its own', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const a = await stage.published('a', { metadata: 'is=a' })
    const a2 = await stage.published('a2', { metadata: 'is=a2' })
    await hand.put(stage.path('a/b'), 'a/b')
    await hand.put(stage.path('a/b', 'tcp@10.0.0.1:1'), 'is=b')
    const discovery = stage.discovery()
    const told = heardOfDiscovery(discovery)
    const views = [stage.view('a', discovery), stage.view('a2', discovery)] as const
    await views[0].shows({ [a.address]: 'is=a' })
    await views[1].shows({ [a2.address]: 'is=a2' })
    await hand.edit(stage.path('a/b', 'tcp@10.0.0.1:1'), 'is=changed')
    await a.server.setMetadata('a', 'is=still-a')
    await a2.server.setMetadata('a2', 'is=still-a2')
    await views[0].shows({ [a.address]: 'is=still-a' })
    await views[1].shows({ [a2.address]: 'is=still-a2' })
    for (const view of views) expect(view.mark).toBe(2)
    const ignored = told.all.filter(({ event }) => event === 'entryIgnored')
    expect(ignored.map(({ service, address }) => [service, address])).toEqual([['a', 'b']])
  })

  test('may be malformed: that is ignored with one warning each, and the good ones are served', async () => {
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const malformed = ['@10.0.0.1:1', 'tcp@', 'tcp@10.0.0.1', 'no-port', 'tcp@10.0.0.1:99999']
    for (const address of malformed) await hand.put(stage.path('Arith', address), 'n=1')
    await hand.put(stage.path('Arith', 'tcp@10.0.0.1:1'), 'rate=50%')
    await hand.put(stage.path('Arith', 'tcp@10.0.0.2:2'), Buffer.from([0xff, 0xfe, 0]))
    await hand.put(stage.path('Arith', 'tcp@10.0.0.3:3'), '')
    const discovery = stage.discovery()
    const told = heardOfDiscovery(discovery)
    const view = stage.view('Arith', discovery)
    const good = { 'tcp@10.0.0.2:2': '\ufffd\ufffd\0', 'tcp@10.0.0.3:3': '' }
    await view.shows({ 'tcp@10.0.0.1:1': 'rate=50%', ...good })
    for (const address of malformed) await hand.edit(stage.path('Arith', address), 'n=2')
    await hand.edit(stage.path('Arith', 'tcp@10.0.0.1:1'), 'rate=51%')
    await view.shows({ 'tcp@10.0.0.1:1': 'rate=51%', ...good })
    const ignored = told.all.filter(({ event }) => event === 'entryIgnored').map(({ address }) => address)
    expect(ignored.sort()).toEqual([...malformed].sort())
  })
})
