import { setTimeout as sleep } from 'node:timers/promises'
import { requireServer, startEtcd, startProxy } from '@rpcx/servers'
import { atMost, heardOfDiscovery, until } from '@rpcx/testing'
import { describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

const TTL_MS = 3_000

describe.runIf(await requireServer('etcd'))('While etcd is killed', () => {
  test('for less than the life of a lease, keys and lists stay as they are', async () => {
    await using etcd = await startEtcd()
    await using stage = new Stage(etcd)
    const { gateway } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1', ttlMs: 4_000 })
    const discovery = stage.discovery()
    const heardOf = heardOfDiscovery(discovery)
    const view = stage.view('Arith', discovery)
    await view.shows({ [address]: 'n=1' })
    const before = await gateway.get(stage.key('Arith', address))
    await etcd.kill()
    await told.until(({ event }) => event === 'registryDown')
    await heardOf.until(({ event }) => event === 'registryDown')
    await sleep(1_000)
    await etcd.restart()
    const up = performance.now()
    const back = await heardOf.until(({ event }) => event === 'registryBack')
    atMost(5_000, 'after a short outage the list is fresh', back.at - up)
    await told.until(({ event }) => event === 'registryBack')
    await sleep(4_000)
    expect(await gateway.get(stage.key('Arith', address))).toEqual(before)
    await gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), '')
    await view.until(list => 'tcp@10.0.0.1:1' in list)
    expect(view.all).toEqual([{ [address]: 'n=1' }, { [address]: 'n=1', 'tcp@10.0.0.1:1': '' }])
    expect(told.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])
  })

  test('for a minute, lists and calls go on at no cost, and what waited is there within two seconds', async () => {
    await using etcd = await startEtcd()
    await using proxy = await startProxy(etcd.address)
    await using stage = new Stage(etcd)
    const { gateway } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1', ttlMs: TTL_MS })
    const before = await gateway.get(stage.key('Arith', address))
    const waiting = stage.program('client', { service: 'Arith', etcdServers: proxy.address })
    await waiting.told.until(({ event }) => event === 'ready')
    await proxy.cut()
    await etcd.kill()
    await told.until(({ event }) => event === 'registryDown')

    const late = await stage.member('Late', { ttlMs: TTL_MS })
    expect(late.told.all.map(({ event }) => event)).toEqual(['registryDown'])
    const empty = stage.discovery()
    await expect(empty.list('Arith', { timeoutMs: 300 })).rejects.toMatchObject({ code: 'ERR_RPCX_REGISTRY' })
    const closing = await stage.member('Closing', { ttlMs: TTL_MS })
    let since = performance.now()
    await closing.server.close()
    atMost(5_000, 'close() of a server that never reached etcd', performance.now() - since)
    since = performance.now()
    await empty.close()
    atMost(5_000, 'close() of a discovery that never reached etcd', performance.now() - since)

    await sleep(10_000)
    const attempts = proxy.attempts
    waiting.say('measure 60000')
    const { what } = await waiting.told.until(({ event }) => event === 'measured', 0, 90_000)
    const { cpuPercent, idlePercent, calls, failed, lists } = what as unknown as Measured
    expect({ failed, lists }).toEqual({ failed: 0, lists: 1 })
    expect(calls).toBeGreaterThan(1_000)
    console.info(`${calls} calls without etcd, ${cpuPercent.toFixed(2)} % of a core with them (under tsx)`)
    atMost(1, 'the cost of a lost etcd (a warm process under tsx)', idlePercent, '% of a core')
    const perSecond = (proxy.attempts - attempts) / 60
    atMost(1, 'attempts a second', perSecond, '')
    expect(perSecond).toBeGreaterThan(0.7)

    await etcd.restart()
    const up = performance.now()
    await proxy.heal()
    const registered = await late.told.until(({ event }) => event === 'registered')
    atMost(2_000, 'what was registered while etcd was down is there', registered.at - up)
    await told.until(({ event }) => event === 'registryBack')
    await gateway.put(stage.key('Arith', 'tcp@10.0.0.1:1'), 'state=inactive')
    await waiting.told.until(({ event, servers }) => event === 'list' && servers === 2)
    // Down for far longer than its life, the old lease was given a fresh one.
    expect(await gateway.get(stage.key('Arith', address))).toEqual(before)
    expect(told.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])
  }, 180_000)

  test('close() takes five seconds at most, and the rest goes by its life', async () => {
    await using etcd = await startEtcd()
    await using proxy = await startProxy(etcd.address)
    await using stage = new Stage(etcd, proxy.address)
    for (const fault of ['cut', 'stall'] as const) {
      const { server, address } = await stage.published('Arith', { ttlMs: TTL_MS })
      const discovery = stage.discovery()
      await stage.view('Arith', discovery).shows({ [address]: '' })
      if (fault === 'cut') await proxy.cut()
      else proxy.stall()
      const since = performance.now()
      await server.close()
      atMost(5_000, `close() of a server, etcd out of reach (${fault})`, performance.now() - since)
      const middle = performance.now()
      await discovery.close()
      atMost(5_000, `close() of a discovery, etcd out of reach (${fault})`, performance.now() - middle)
      await until(async () => (await stage.gateway.get(stage.key('Arith', address))) === undefined, 20_000)
      await proxy.heal()
      await until(() => proxy.connections === 0)
    }
    await until(async () => (await stage.gateway.leases()).length === 0, 20_000)
  })
})

interface Measured {
  readonly cpuPercent: number
  readonly idlePercent: number
  readonly calls: number
  readonly failed: number
  readonly lists: number
}

describe.runIf(await requireServer('etcd'))('While etcd hangs or is cut off', () => {
  test('for twice the life of a lease, an entry is back within two seconds, with the edits of others', async () => {
    await using etcd = await startEtcd()
    await using stage = new Stage(etcd)
    const { gateway } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'weight=10', ttlMs: TTL_MS })
    const key = stage.key('Arith', address)
    await gateway.put(key, 'state=inactive&weight=10')
    await until(async () => (await gateway.get(key))?.lease !== '0')
    await etcd.pause()
    await sleep(2 * TTL_MS)
    await etcd.resume()
    const up = performance.now()
    await told.until(({ event }) => event === 'registryBack')
    await until(async () => {
      const found = await gateway.get(key)
      return found !== undefined && (await gateway.leases()).includes(found.lease)
    })
    atMost(2_000, 'after a hang the entry is held', performance.now() - up)
    // A lease that was over only now goes by itself.
    await sleep(2 * TTL_MS)
    expect((await gateway.get(key))?.value).toBe('state=inactive&weight=10')
  })

  test('by a network for two and a half lives, its key goes and is back within two seconds of healing', async () => {
    await using etcd = await startEtcd()
    await using proxy = await startProxy(etcd.address)
    await using stage = new Stage(etcd)
    const { gateway } = stage
    for (const fault of ['cut', 'refuse', 'stall'] as const) {
      const service = `By${fault}`
      const { address, told, server } = await stage.published(service, {
        metadata: 'weight=10',
        ttlMs: TTL_MS,
        etcdServers: proxy.address,
      })
      const key = stage.key(service, address)
      const view = stage.view(service)
      await gateway.put(key, 'state=inactive&weight=10', (await gateway.get(key))?.lease)
      await view.shows({ [address]: 'state=inactive&weight=10' })
      await server.setMetadata(service, 'weight=11')
      await view.shows({ [address]: 'state=inactive&weight=11' })
      if (fault === 'stall') proxy.stall()
      else await proxy.cut({ refuse: fault === 'refuse' })
      const since = performance.now()
      await view.shows({})
      await sleep(2.5 * TTL_MS - (performance.now() - since))
      const { mark } = told
      await proxy.heal()
      const healed = performance.now()
      const back = await view.shows({ [address]: 'state=inactive&weight=11' })
      atMost(2_000, `after ${fault} the entry is back`, back.at - healed)
      expect(told.since(mark - 1).some(({ event }) => event === 'conflict')).toBe(false)
      await server.close()
    }
  })

  test('while servers are replaced, a client’s list is right within five seconds of healing', async () => {
    await using etcd = await startEtcd()
    await using proxy = await startProxy(etcd.address)
    await using stage = new Stage(etcd)
    const old = [
      await stage.published('Arith', { metadata: 'is=old1' }),
      await stage.published('Arith', { metadata: 'is=old2' }),
    ]
    for (const fault of ['cut', 'refuse', 'stall'] as const) {
      const view = stage.view('Arith', stage.discovery({ etcdServers: proxy.address }))
      const shown = Object.fromEntries(old.map(({ address }, n) => [address, `is=old${n + 1}`]))
      await view.shows(shown)
      if (fault === 'stall') proxy.stall()
      else await proxy.cut({ refuse: fault === 'refuse' })
      for (const { server } of old.splice(0)) await server.close()
      for (const n of [1, 2]) old.push(await stage.published('Arith', { metadata: `is=old${n}` }))
      await stage.gateway.compact()
      await sleep(10_000)
      expect(view.all).toEqual([shown])
      await proxy.heal()
      const healed = performance.now()
      const { at } = await view.shows(
        Object.fromEntries(old.map(({ address }, n) => [address, `is=old${n + 1}`])),
      )
      atMost(5_000, `after ${fault} the list is right`, at - healed)
      expect(view.all).toHaveLength(2)
    }
  })
})
