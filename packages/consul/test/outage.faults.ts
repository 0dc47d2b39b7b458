import { setTimeout as sleep } from 'node:timers/promises'
import { requireServer, startConsul, startProxy } from '@rpcx/servers'
import { atMost, heardOfDiscovery, until } from '@rpcx/testing'
import { describe, expect, test } from 'vitest'
import { Stage, TTL_MS } from './stage.ts'

describe.runIf(await requireServer('consul'))('While Consul is killed', () => {
  test('for less than the life of a session, keys and lists stay as they are', async () => {
    await using consul = await startConsul()
    await using stage = new Stage(consul)
    const { hand } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1', ttlMs: 4_000 })
    const discovery = stage.discovery()
    const heardOf = heardOfDiscovery(discovery)
    const view = stage.view('Arith', discovery)
    await view.shows({ [address]: 'n=1' })
    const before = await hand.get(stage.key('Arith', address))
    await consul.kill()
    await told.until(({ event }) => event === 'registryDown')
    await heardOf.until(({ event }) => event === 'registryDown')
    await sleep(1_000)
    await consul.restart()
    const up = performance.now()
    const back = await heardOf.until(({ event }) => event === 'registryBack')
    atMost(5_000, 'after a short outage the list is fresh', back.at - up)
    await told.until(({ event }) => event === 'registryBack')
    await sleep(8_000)
    expect(await hand.get(stage.key('Arith', address))).toEqual(before)
    await hand.put(stage.key('Arith', 'tcp@10.0.0.1:1'), '')
    await view.until(list => 'tcp@10.0.0.1:1' in list)
    expect(view.all).toEqual([{ [address]: 'n=1' }, { [address]: 'n=1', 'tcp@10.0.0.1:1': '' }])
    expect(told.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])
  })

  test('for a minute, lists and calls go on at no cost, and what waited is there within two seconds', async () => {
    await using consul = await startConsul()
    await using proxy = await startProxy(consul.address)
    await using stage = new Stage(consul)
    const { hand } = stage
    const { address, told } = await stage.published('Arith', { metadata: 'n=1' })
    const before = await hand.get(stage.key('Arith', address))
    const waiting = stage.program('client', { service: 'Arith', consulServers: proxy.address })
    await waiting.told.until(({ event }) => event === 'ready')
    await proxy.cut()
    await consul.kill()
    await told.until(({ event }) => event === 'registryDown')

    const late = await stage.member('Late')
    expect(late.told.all.map(({ event }) => event)).toEqual(['registryDown'])
    const empty = stage.discovery()
    await expect(empty.list('Arith', { timeoutMs: 300 })).rejects.toMatchObject({ code: 'ERR_RPCX_REGISTRY' })
    const closing = await stage.member('Closing')
    let since = performance.now()
    await closing.server.close()
    atMost(5_000, 'close() of a server that never reached Consul', performance.now() - since)
    since = performance.now()
    await empty.close()
    atMost(5_000, 'close() of a discovery that never reached Consul', performance.now() - since)

    await sleep(10_000)
    const attempts = proxy.attempts
    waiting.say('measure 60000')
    const { what } = await waiting.told.until(({ event }) => event === 'measured', 0, 90_000)
    const { cpuPercent, idlePercent, calls, failed, lists } = what as unknown as Measured
    expect({ failed, lists }).toEqual({ failed: 0, lists: 1 })
    expect(calls).toBeGreaterThan(1_000)
    console.info(`${calls} calls without Consul, ${cpuPercent.toFixed(2)} % of a core with them (under tsx)`)
    atMost(1, 'the cost of a lost Consul (a warm process under tsx)', idlePercent, '% of a core')
    const perSecond = (proxy.attempts - attempts) / 60
    atMost(1, 'attempts a second', perSecond, '')
    expect(perSecond).toBeGreaterThan(0.7)

    await consul.restart()
    const up = performance.now()
    await proxy.heal()
    const registered = await late.told.until(({ event }) => event === 'registered')
    atMost(2_000, 'what was registered while Consul was down is there', registered.at - up)
    await told.until(({ event }) => event === 'registryBack')
    await hand.put(stage.key('Arith', 'tcp@10.0.0.1:1'), 'state=inactive')
    await waiting.told.until(({ event, servers }) => event === 'list' && servers === 2)
    // Down for far longer than its life, the old session was given a fresh one.
    expect(await hand.get(stage.key('Arith', address))).toEqual(before)
    expect(told.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])
  }, 180_000)

  test('close() takes five seconds at most, and the rest goes by its life', async () => {
    await using consul = await startConsul()
    await using proxy = await startProxy(consul.address)
    await using stage = new Stage(consul, proxy.address)
    for (const fault of ['cut', 'stall'] as const) {
      const { server, address } = await stage.published('Arith')
      const discovery = stage.discovery()
      await stage.view('Arith', discovery).shows({ [address]: '' })
      if (fault === 'cut') await proxy.cut()
      else proxy.stall()
      const since = performance.now()
      await server.close()
      atMost(5_000, `close() of a server, Consul out of reach (${fault})`, performance.now() - since)
      const middle = performance.now()
      await discovery.close()
      atMost(5_000, `close() of a discovery, Consul out of reach (${fault})`, performance.now() - middle)
      const { hand } = stage
      await until(async () => (await hand.get(stage.key('Arith', address))) === undefined, 20_000)
      await proxy.heal()
      await until(() => proxy.connections === 0, 15_000)
    }
    await until(async () => (await stage.hand.sessions()).length === 0, 20_000)
  })
})

interface Measured {
  readonly cpuPercent: number
  readonly idlePercent: number
  readonly calls: number
  readonly failed: number
  readonly lists: number
}

describe.runIf(await requireServer('consul'))('While Consul hangs or is cut off', () => {
  test('for five times the life of a session, an entry is back within two seconds, with the edits of others', async () => {
    await using consul = await startConsul()
    await using stage = new Stage(consul)
    const { hand } = stage
    const { server, address, told } = await stage.published('Arith', { metadata: 'weight=10' })
    const key = stage.key('Arith', address)
    await hand.put(key, 'state=inactive&weight=10')
    // The edit is known once what was set after it is there beside it.
    await until(async () => {
      await server.setMetadata('Arith', 'weight=11')
      return (await hand.get(key))?.value === 'state=inactive&weight=11'
    })
    await consul.pause()
    await sleep(5 * TTL_MS)
    await consul.resume()
    const up = performance.now()
    await told.until(({ event }) => event === 'registryBack')
    const held = async (): Promise<boolean> => {
      const found = await hand.get(key)
      return found?.session !== undefined && (await hand.sessions()).some(({ ID }) => ID === found.session)
    }
    await until(held)
    atMost(2_000, 'after a hang the entry is held', performance.now() - up)
    // A session that was over only now goes by itself.
    await sleep(4 * TTL_MS)
    expect(await held()).toBe(true)
    expect((await hand.get(key))?.value).toBe('state=inactive&weight=11')
  })

  test('by a network for five lives, its key goes and is back within two seconds of healing', async () => {
    await using consul = await startConsul()
    await using proxy = await startProxy(consul.address)
    await using stage = new Stage(consul)
    const { hand } = stage
    for (const fault of ['cut', 'refuse', 'stall'] as const) {
      const service = `By${fault}`
      const { address, told, server } = await stage.published(service, {
        metadata: 'weight=10',
        consulServers: proxy.address,
      })
      const view = stage.view(service)
      await hand.put(stage.key(service, address), 'state=inactive&weight=10')
      await view.shows({ [address]: 'state=inactive&weight=10' })
      await server.setMetadata(service, 'weight=11')
      await view.shows({ [address]: 'state=inactive&weight=11' })
      if (fault === 'stall') proxy.stall()
      else await proxy.cut({ refuse: fault === 'refuse' })
      const since = performance.now()
      await view.shows({})
      await sleep(5 * TTL_MS - (performance.now() - since))
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
    await using consul = await startConsul()
    await using proxy = await startProxy(consul.address)
    await using stage = new Stage(consul)
    const old = [
      await stage.published('Arith', { metadata: 'is=old1' }),
      await stage.published('Arith', { metadata: 'is=old2' }),
    ]
    for (const fault of ['cut', 'refuse', 'stall'] as const) {
      const view = stage.view('Arith', stage.discovery({ consulServers: proxy.address }))
      const shown = Object.fromEntries(old.map(({ address }, n) => [address, `is=old${n + 1}`]))
      await view.shows(shown)
      if (fault === 'stall') proxy.stall()
      else await proxy.cut({ refuse: fault === 'refuse' })
      for (const { server } of old.splice(0)) await server.close()
      for (const n of [1, 2]) old.push(await stage.published('Arith', { metadata: `is=old${n}` }))
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

  test('after a long quiet, a watch that is stalled is noticed within fifteen seconds', async () => {
    await using consul = await startConsul()
    await using proxy = await startProxy(consul.address)
    await using stage = new Stage(consul)
    const discovery = stage.discovery({ consulServers: proxy.address })
    const told = heardOfDiscovery(discovery)
    const view = stage.view('Arith', discovery)
    await view.shows({})
    // By now its queries are the longest: 250 ms, then twice as long each time.
    await sleep(17_000)
    proxy.stall()
    const since = performance.now()
    await stage.hand.put(stage.key('Arith', 'tcp@10.0.0.1:1'), '')
    const down = await told.until(({ event }) => event === 'registryDown', 0, 45_000)
    atMost(15_000, 'after a long quiet, a stalled watch is noticed', down.at - since)
    await proxy.heal()
    await view.shows({ 'tcp@10.0.0.1:1': '' })
  })
})
