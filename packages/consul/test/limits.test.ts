import { parseRegistryHosts, systemClock } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { eventsOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Operation } from '../src/agent.ts'
import { ConsulConnection } from '../src/connection.ts'
import { keys } from '../src/keys.ts'
import type { Answer } from './fault-proxy.ts'
import { Front, saying } from './fault-proxy.ts'
import { Harness } from './harness.ts'

const tooMany = saying(429, 'Your IP is issuing too many requests')

describe.runIf(await requireServer('consul'))('A Consul that limits its clients', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test('can reject one query, and the other queries are not repeated', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Front.open(consul.address))
    const asked: string[] = []
    front.answer(tooMany, path => {
      asked.push(path)
      return path.includes('Bad')
    })
    const discovery = harness.discovery({ consulServers: front.address })
    const events = eventsOfDiscovery(discovery)
    expect(await discovery.list('Good')).toEqual([])
    discovery.list('Bad').catch(() => {})
    const { what } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error?.message).toMatch(/429 Your IP is issuing too many requests$/)
    const of = (service: string): string[] => asked.filter(path => path.includes(service))
    await until(async () => of('Bad').length >= 3)
    // The list and the check of its rights. After these, it waits for changes and reads no new list.
    expect(of('Good').filter(path => !path.includes('index='))).toHaveLength(2)
    expect(asked.filter(path => path.includes('status/leader'))).toHaveLength(1)
    expect(discovery.status('Good').state).toBe('fresh')
  })

  test('can reject the renewal of a session, which is reported and repeated', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Front.open(consul.address))
    let refusals = 0
    front.answer(tooMany, path => path.includes('session/renew') && ++refusals <= 2)
    const { events } = await harness.published('Arith', { consulServers: front.address })
    const { what } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error?.message).toMatch(/renew a session: 429 Your IP is issuing too many requests$/)
    await until(async () => refusals >= 3)
    expect(events.all.filter(({ event }) => !event.startsWith('registry')).map(({ event }) => event)).toEqual(
      ['registered'],
    )
  })

  test('that answers slowly gets one renewal of a session at a time', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Front.open(consul.address))
    let [renewals, running, most] = [0, 0, 0]
    const slowly: Answer = response => {
      renewals++
      most = Math.max(most, ++running)
      setTimeout(() => {
        running--
        response.end('[]')
      }, 1_500)
    }
    front.answer(slowly, path => path.includes('session/renew'))
    await harness.published('Arith', { consulServers: front.address })
    await until(() => renewals >= 3)
    expect(most).toBe(1)
  })

  test('that hangs fails all requests for the same reason, those that wait for their turn too', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Front.open(consul.address))
    front.answer(
      () => {},
      path => path.includes('session/create'),
    )
    const connection = new ConsulConnection(systemClock, {
      hosts: parseRegistryHosts('consul', 'consulServers', front.address),
    })
    await connection.read(keys('x/any'), new AbortController().signal)
    const create: Operation = (library, common) => library.session.create({ ...common })
    const asked = Array.from({ length: 12 }, () => connection.ask('make a session', create))
    const answers = await Promise.allSettled(asked)
    const reasons = answers.map(answer => (answer as PromiseRejectedResult).reason.message)
    expect(new Set(reasons).size).toBe(1)
    expect(reasons[0]).toMatch(/make a session: request timed out/)
    connection.close()
  })

  const refusals = [
    ['it gets too many requests', tooMany],
    ['reading is not permitted', saying(403, 'Permission denied')],
    ['there is no such datacenter', saying(500, 'No path to datacenter')],
  ] as const
  test.each(refusals)(
    'can reject every read because %s, and sessions are still renewed',
    async (_what, answer) => {
      await using harness = new Harness(consul)
      const front = harness.open(await Front.open(consul.address))
      const { address, events } = await harness.published('Arith', { consulServers: front.address })
      const held = await harness.raw.get(harness.key('Arith', address))
      let renewals = 0
      let reads = 0
      // This also resets the connections, so that no success comes before the refusals.
      front.answer(answer, path => {
        if (path.includes('session/renew')) renewals++
        if (path.includes('/kv/')) reads++
        return path.includes('/kv/')
      })
      await events.until(({ event }) => event === 'registryDown')
      await until(() => renewals >= 2 && reads >= 2)
      expect(await harness.raw.get(harness.key('Arith', address))).toEqual(held)
    },
  )

  test('to twenty connections per address allows sixty services that one process registers and follows', async () => {
    await using narrow = await startConsul({ config: { limits: { http_max_conns_per_client: 20 } } })
    await using harness = new Harness(narrow)
    const services = Array.from({ length: 60 }, (_, n) => `S${n}`)
    const { server, address, events } = await harness.member(services[0] as string, {})
    for (const service of services.slice(1)) server.registerName(service, { Echo: () => 1 })
    await server.published()
    const discovery = harness.discovery()
    const discoveryEvents = eventsOfDiscovery(discovery)
    for (const service of services) {
      expect((await discovery.list(service)).map(found => found.address)).toEqual([address])
    }
    const view = harness.view('S59', discovery)
    await server.setMetadata('S59', 'n=1')
    await view.until(list => list[address] === 'n=1')
    expect(events.all.filter(({ event }) => event === 'registryDown')).toEqual([])
    expect(discoveryEvents.all.filter(({ event }) => event === 'registryDown')).toEqual([])
  }, 60_000)
})
