import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { eventsOfDiscovery, until, View } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Front, saying } from './fault-proxy.ts'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('consul'))('A Consul that rejects more than 50 reads a second', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test('allows sixty services that one process registers and follows', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Front.open(consul.address))
    const granted: number[] = []
    let refused = 0
    const refusedKeys = new Set<string>()
    front.answer(saying(429, 'Your IP is issuing too many requests'), path => {
      if (!path.startsWith('/v1/kv/')) return false
      const now = performance.now()
      while ((granted[0] ?? now) < now - 1_000) granted.shift()
      const isTooMuch = granted.length >= 50
      const [key = ''] = path.split('?')
      if (isTooMuch) {
        refused++
        refusedKeys.add(key)
      } else {
        granted.push(now)
        refusedKeys.delete(key)
      }
      return isTooMuch
    })
    const through = { consulServers: front.address, ttlMs: 10_000 }
    const services = Array.from({ length: 60 }, (_, n) => `S${n}`)
    const { server, address, events } = await harness.member(services[0] as string, through)
    for (const service of services.slice(1)) server.registerName(service, { Echo: () => 1 })
    const since = performance.now()
    await server.published()
    console.info(`60 are registered after ${(performance.now() - since).toFixed(0)} ms, ${refused} refusals`)
    const discovery = harness.discovery({ consulServers: front.address })
    const views = services.map(service => new View(discovery, service))
    for (const view of views) await view.shows({ [address]: '' })
    console.info(`and followed after ${(performance.now() - since).toFixed(0)} ms, ${refused} refusals`)
    console.info(`${refusedKeys.size} keys are still to be asked again`)
    expect(events.all.filter(({ event }) => event === 'lost')).toEqual([])
    // A watch that was refused asks again after its back-off.
    await until(() => refusedKeys.size === 0, 30_000)
    // From here on it stays below the limit by itself.
    const [refusals, questions] = [refused, front.questions]
    const discoveryEvents = eventsOfDiscovery(discovery)
    for (let n = 0; n < 60; n += 10) {
      await server.setMetadata(services[n] as string, `n=${n}`)
      await views[n]?.shows({ [address]: `n=${n}` })
    }
    console.info(`${front.questions - questions} questions later: ${refused - refusals} refusals`)
    expect(refused - refusals).toBe(0)
    expect(discoveryEvents.all.filter(({ event }) => event === 'registryDown')).toEqual([])
    expect(services.map(service => discovery.status(service).state)).toEqual(services.map(() => 'fresh'))
  }, 120_000)
})
