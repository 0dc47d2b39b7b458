import type { Server } from '@rpcx/servers'
import { requireServer, startConsul, startProxy } from '@rpcx/servers'
import { atMost, heardOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('consul'))('A list', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test('misses no change between being read and being watched', async () => {
    await using stage = new Stage(consul)
    const { hand } = stage
    const key = stage.key('Arith', 'tcp@10.0.0.1:1')
    // While someone writes without a pause, each of many clients begins to follow somewhere in between.
    let last = 0
    let isDone = false
    const writing = (async () => {
      while (!isDone) await hand.put(key, `n=${++last}`)
    })()
    const views = []
    for (let client = 0; client < 30; client++) {
      views.push(stage.view('Arith'))
      await views.at(-1)?.until(() => true)
    }
    isDone = true
    await writing
    for (const view of views) await view.shows({ 'tcp@10.0.0.1:1': `n=${last}` })
  })

  test.concurrent.each(['down', 'up', 'both'] as const)(
    'is known to be stale within fifteen seconds of a watch that is stalled: %s',
    async direction => {
      await using stage = new Stage(consul)
      const { hand } = stage
      const proxy = await stage.proxy()
      const discovery = stage.discovery({ consulServers: proxy.address })
      const told = heardOfDiscovery(discovery)
      const view = stage.view('Arith', discovery)
      await view.shows({})
      proxy.stall(direction)
      const since = performance.now()
      await hand.put(stage.key('Arith', 'tcp@10.0.0.1:1'), '')
      const down = await told.until(({ event }) => event === 'registryDown', 0, 45_000)
      atMost(15_000, `a watch stalled ${direction} is noticed`, down.at - since)
      expect(discovery.status('Arith').state).toBe('stale')
      await proxy.heal()
      await view.shows({ 'tcp@10.0.0.1:1': '' })
    },
    60_000,
  )

  test('and an entry go on at the next agent when one is gone, and when one hangs', async () => {
    await using stage = new Stage(consul)
    const { hand } = stage
    const [one, two] = [await stage.proxy(), await stage.proxy()]
    const consulServers = [one.address, two.address]
    const discovery = stage.discovery({ consulServers })
    const view = stage.view('Arith', discovery)
    const { address, server } = await stage.published('Arith', {
      consulServers,
      metadata: 'n=0',
      ttlMs: 4_000,
    })
    const before = await hand.get(stage.key('Arith', address))
    await view.shows({ [address]: 'n=0' })
    for (const [n, fault] of (['cut', 'cut', 'stall'] as const).entries()) {
      for (const used of [one, two]) {
        if (fault === 'cut') await used.cut()
        else used.stall()
        await until(async () => {
          await server.setMetadata('Arith', `n=${n}`).catch(() => {})
          return (await hand.get(stage.key('Arith', address)))?.value === `n=${n}`
        }, 15_000)
        await view.until(list => list[address] === `n=${n}`)
        await used.heal()
        await until(() => discovery.status('Arith').state === 'fresh', 20_000)
      }
    }
    expect(await hand.get(stage.key('Arith', address))).toMatchObject({
      session: before?.session,
      createIndex: before?.createIndex,
    })
  }, 90_000)

  test('ends with its discovery while Consul does not answer, and leaves no connection behind', async () => {
    await using stage = new Stage(consul)
    await using proxy = await startProxy(consul.address)
    proxy.stall()
    const discovery = stage.discovery({ consulServers: proxy.address })
    await expect(discovery.list('Arith', { timeoutMs: 200 })).rejects.toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
    })
    const since = performance.now()
    await discovery.close()
    atMost(5_000, 'close() of a discovery that waits', performance.now() - since)
    await proxy.heal()
    await until(() => proxy.connections === 0)
  })

  test.each(['consistent', 'stale'] as const)('is read as %s as was asked', async consistency => {
    await using stage = new Stage(consul)
    const { address } = await stage.published('Arith', { metadata: 'n=1' })
    await stage.view('Arith', stage.discovery({ consistency })).shows({ [address]: 'n=1' })
  })

  test('of a datacenter that nobody knows is an error in Consul’s words', async () => {
    await using stage = new Stage(consul)
    const discovery = stage.discovery({ datacenter: 'elsewhere' })
    await expect(discovery.list('Arith', { timeoutMs: 500 })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('500 No path to datacenter') },
    })
    const { address } = await stage.published('Arith')
    await stage.view('Arith', stage.discovery({ datacenter: 'dc1' })).shows({ [address]: '' })
  })
})

describe.runIf(await requireServer('consul'))('A store', () => {
  test('that was restored from a snapshot is followed and announced to again, though its index went back', async () => {
    await using consul = await startConsul()
    await using stage = new Stage(consul)
    const { hand } = stage
    await hand.put(stage.key('Arith', 'tcp@10.0.0.1:1'), 'is=old')
    const url = `http://${consul.address}/v1/snapshot`
    const snapshot = Buffer.from(await (await fetch(url)).arrayBuffer())
    const { address, told } = await stage.published('Arith', { metadata: 'n=1' })
    const view = stage.view('Arith')
    for (let n = 0; n < 50; n++) await hand.put(stage.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'n=49' })
    const { mark } = told
    const since = performance.now()
    const restored = await fetch(url, { method: 'PUT', body: snapshot })
    expect(await restored.text()).toBe('')
    expect(restored.status).toBe(200)
    const { at } = await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'is=old' })
    atMost(5_000, 'a restored store is followed again', at - since)
    await told.until(({ event }) => event === 'registered', mark)
    await hand.put(stage.key('Arith', 'tcp@10.0.0.2:2'), '')
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'is=old', 'tcp@10.0.0.2:2': '' })
  })

  test('that was wiped is followed and announced to again', async () => {
    await using consul = await startConsul()
    await using stage = new Stage(consul)
    const { hand } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1' })
    const view = stage.view('Arith')
    for (let n = 0; n < 50; n++) await hand.put(stage.key('Arith', 'tcp@10.0.0.1:1'), `n=${n}`)
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'n=49' })
    await consul.restart({ wipe: true })
    const up = performance.now()
    const { at } = await view.shows({ [address]: 'n=1' })
    atMost(5_000, 'a wiped store is followed again', at - up)
    const back = await told.until(({ event }) => event === 'registered', 1)
    atMost(2_000, 'a wiped store has the registration back', back.at - up)
    await hand.put(stage.key('Arith', 'tcp@10.0.0.2:2'), '')
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.2:2': '' })
    expect((await hand.get(stage.basePath))?.value).toBe('rpcx_path')
  })
})
