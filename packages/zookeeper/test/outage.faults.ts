import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CachedDiscovery } from '@rpcx/core'
import { requireServer, startProxy, startZooKeeper } from '@rpcx/servers'
import { atMost, heardOfDiscovery, until, View } from '@rpcx/testing'
import { describe, expect, test } from 'vitest'
import { SESSION_MS, Stage } from './stage.ts'

describe.runIf(await requireServer('zookeeper'))('While ZooKeeper is killed', () => {
  test('for less than a session, entries and lists stay as they are', async () => {
    await using zooKeeper = await startZooKeeper()
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1', sessionTimeoutMs: 4_000 })
    const discovery = stage.discovery()
    const heard = heardOfDiscovery(discovery)
    const view = stage.view('Arith', discovery)
    await view.shows({ [address]: 'n=1' })
    const before = await hand.get(stage.path('Arith', address))
    await zooKeeper.kill()
    await told.until(({ event }) => event === 'registryDown')
    await heard.until(({ event }) => event === 'registryDown')
    await sleep(1_000)
    await zooKeeper.restart()
    const up = performance.now()
    const back = await heard.until(({ event }) => event === 'registryBack')
    atMost(5_000, 'after a short outage the list is fresh', back.at - up)
    await told.until(({ event }) => event === 'registryBack')
    await sleep(4_000)
    expect(await hand.get(stage.path('Arith', address))).toEqual(before)
    await hand.put(stage.path('Arith', 'tcp@10.0.0.1:1'), '')
    await view.until(list => 'tcp@10.0.0.1:1' in list)
    expect(view.all).toEqual([{ [address]: 'n=1' }, { [address]: 'n=1', 'tcp@10.0.0.1:1': '' }])
    expect(told.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])
  })

  test('for a minute, lists and calls go on at no cost, and what waited is there within two seconds', async () => {
    await using zooKeeper = await startZooKeeper()
    await using proxy = await startProxy(zooKeeper.address)
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1' })
    const before = await hand.get(stage.path('Arith', address))
    const waiting = stage.program('client', { service: 'Arith', zooKeeperServers: proxy.address })
    await waiting.told.until(({ event }) => event === 'ready')
    await using file = await cacheFile()
    const remembering = new CachedDiscovery(stage.discovery(), { file: file.path })
    expect(await remembering.list('Arith')).toHaveLength(1)
    await remembering.close()
    await proxy.cut()
    await zooKeeper.kill()
    await told.until(({ event }) => event === 'registryDown')

    const late = await stage.member('Late')
    expect(late.told.all.map(({ event }) => event)).toEqual(['registryDown'])
    let since = performance.now()
    const starting = stage.open(new CachedDiscovery(stage.discovery(), { file: file.path }))
    expect((await starting.list('Arith')).map(endpoint => endpoint.address)).toEqual([address])
    atMost(100, 'a client that starts meanwhile has its list', performance.now() - since)
    expect(starting.status('Arith').source).toBe('cache')
    const view = new View(starting, 'Arith')
    const empty = stage.discovery()
    await expect(empty.list('Arith', { timeoutMs: 300 })).rejects.toMatchObject({ code: 'ERR_RPCX_REGISTRY' })
    const closing = await stage.member('Closing')
    since = performance.now()
    await closing.server.close()
    atMost(5_000, 'close() of a server that never reached ZooKeeper', performance.now() - since)
    since = performance.now()
    await empty.close()
    atMost(5_000, 'close() of a discovery that never reached ZooKeeper', performance.now() - since)

    await sleep(5_000)
    const attempts = proxy.attempts
    waiting.say('measure 60000')
    const { what } = await waiting.told.until(({ event }) => event === 'measured', 0, 90_000)
    const { cpuPercent, idlePercent, calls, failed, lists } = what as unknown as Measured
    expect({ failed, lists }).toEqual({ failed: 0, lists: 1 })
    expect(calls).toBeGreaterThan(1_000)
    console.info(
      `${calls} calls without ZooKeeper, ${cpuPercent.toFixed(2)} % of a core with them (under tsx)`,
    )
    atMost(1, 'the cost of a lost ZooKeeper (a warm process under tsx)', idlePercent, '% of a core')
    const perSecond = (proxy.attempts - attempts) / 60
    atMost(1, 'attempts a second', perSecond, '')
    expect(perSecond).toBeGreaterThan(0.7)

    await zooKeeper.restart()
    const up = performance.now()
    await proxy.heal()
    const registered = await late.told.until(({ event }) => event === 'registered')
    atMost(2_000, 'what was registered while ZooKeeper was down is there', registered.at - up)
    await told.until(({ event }) => event === 'registryBack')
    await using again = await Stage.open(zooKeeper)
    await again.hand.put(stage.path('Arith', 'tcp@10.0.0.1:1'), 'state=inactive')
    await waiting.told.until(({ event, servers }) => event === 'list' && servers === 2)
    await view.shows({ [address]: 'n=1', 'tcp@10.0.0.1:1': 'state=inactive' })
    expect(starting.status('Arith').source).toBe('registry')
    // Down for far longer than its timeout, the old session was given a fresh one.
    expect(await again.hand.get(stage.path('Arith', address))).toEqual(before)
    expect(told.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])
  }, 180_000)

  test('close() takes five seconds at most, and the rest goes by its session', async () => {
    await using zooKeeper = await startZooKeeper()
    await using proxy = await startProxy(zooKeeper.address)
    await using stage = await Stage.open(zooKeeper, proxy.address)
    for (const fault of ['cut', 'stall'] as const) {
      const { server, address } = await stage.published('Arith')
      const discovery = stage.discovery()
      await stage.view('Arith', discovery).shows({ [address]: '' })
      if (fault === 'cut') await proxy.cut()
      else proxy.stall()
      const since = performance.now()
      await server.close()
      atMost(5_000, `close() of a server, ZooKeeper out of reach (${fault})`, performance.now() - since)
      const middle = performance.now()
      await discovery.close()
      atMost(5_000, `close() of a discovery, ZooKeeper out of reach (${fault})`, performance.now() - middle)
      await until(async () => (await stage.hand.get(stage.path('Arith', address))) === undefined)
      await proxy.heal()
      await until(async () => (await stage.hand.connections()) === 0)
    }
    await until(async () => (await stage.hand.sessions()).length === 0)
  })
})

interface Measured {
  readonly cpuPercent: number
  readonly idlePercent: number
  readonly calls: number
  readonly failed: number
  readonly lists: number
}

describe.runIf(await requireServer('zookeeper'))('While ZooKeeper hangs or is cut off', () => {
  test('for twice a session, an entry is back within two seconds, with the edits of others', async () => {
    await using zooKeeper = await startZooKeeper()
    await using stage = await Stage.open(zooKeeper)
    const { address, told } = await stage.published('Arith', { metadata: 'weight=10' })
    const path = stage.path('Arith', address)
    await stage.hand.edit(path, 'weight=10&state=inactive')
    await until(async () => (await stage.hand.get(path))?.data === 'state=inactive&weight=10')
    await zooKeeper.pause()
    await sleep(2 * SESSION_MS)
    await zooKeeper.resume()
    const up = performance.now()
    await told.until(({ event }) => event === 'registryBack')
    await using after = await Stage.open(zooKeeper)
    const isHeld = async (): Promise<boolean> => {
      const owner = BigInt(`0x${(await after.hand.get(path))?.owner ?? 0}`)
      return owner !== 0n && (await after.hand.sessions()).some(id => BigInt(id) === owner)
    }
    await until(isHeld)
    atMost(2_000, 'after a hang the entry is held', performance.now() - up)
    // A session that was over only now goes by itself.
    await sleep(2 * SESSION_MS)
    expect(await isHeld()).toBe(true)
    expect((await after.hand.get(path))?.data).toBe('state=inactive&weight=10')
  })

  test('by a network for two and a half sessions, its entry goes and is back within two seconds of healing', async () => {
    await using zooKeeper = await startZooKeeper()
    await using proxy = await startProxy(zooKeeper.address)
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    for (const fault of ['cut', 'refuse', 'stall'] as const) {
      const service = `By${fault}`
      const { address, told, server } = await stage.published(service, {
        metadata: 'weight=10',
        zooKeeperServers: proxy.address,
      })
      const path = stage.path(service, address)
      const view = stage.view(service)
      await hand.edit(path, 'weight=10&state=inactive')
      await view.shows({ [address]: 'state=inactive&weight=10' })
      await server.setMetadata(service, 'weight=11')
      await view.shows({ [address]: 'state=inactive&weight=11' })
      if (fault === 'stall') proxy.stall()
      else await proxy.cut({ refuse: fault === 'refuse' })
      const since = performance.now()
      await view.shows({})
      await sleep(2.5 * SESSION_MS - (performance.now() - since))
      const { mark } = told
      await proxy.heal()
      const healed = performance.now()
      const back = await view.shows({ [address]: 'state=inactive&weight=11' })
      atMost(2_000, `after ${fault} the entry is back`, back.at - healed)
      expect(told.since(mark - 1).some(({ event }) => event === 'conflict')).toBe(false)
      await server.close()
    }
  })

  test('for longer than a session while servers are replaced, a client’s list is right within five seconds, where that of Go’s client stays wrong for ever', async () => {
    await using zooKeeper = await startZooKeeper()
    await using proxy = await startProxy(zooKeeper.address)
    await using stage = await Stage.open(zooKeeper)
    const servers = [
      await stage.published('Arith', { metadata: 'is=1' }),
      await stage.published('Arith', { metadata: 'is=2' }),
    ]
    const shown = (): object => Object.fromEntries(servers.map(({ address }, n) => [address, `is=${n + 1}`]))
    for (const fault of ['cut', 'refuse', 'stall'] as const) {
      const view = stage.view('Arith', stage.discovery({ zooKeeperServers: proxy.address }))
      const before = shown()
      await view.shows(before as never)
      if (fault === 'stall') proxy.stall()
      else await proxy.cut({ refuse: fault === 'refuse' })
      for (const { server } of servers.splice(0)) await server.close()
      for (const n of [1, 2]) servers.push(await stage.published('Arith', { metadata: `is=${n}` }))
      // Only the servers' sessions are left, and ours from before.
      await until(async () => (await stage.hand.sessions()).length === servers.length)
      await sleep(SESSION_MS)
      expect(view.all).toEqual([before])
      await proxy.heal()
      const healed = performance.now()
      const { at } = await view.shows(shown() as never)
      atMost(5_000, `after ${fault} the list is right`, at - healed)
      expect(view.all).toHaveLength(2)
      // And it goes on to hear of changes.
      await servers[0]?.server.setMetadata('Arith', 'is=changed')
      await view.until(list => Object.values(list).includes('is=changed'))
      await servers[0]?.server.setMetadata('Arith', 'is=1')
      await view.shows(shown() as never)
    }
  })
})

async function cacheFile(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'rpcx-'))
  return {
    path: join(folder, 'cache.json'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}
