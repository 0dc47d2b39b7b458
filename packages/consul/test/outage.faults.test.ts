import { setTimeout as sleep } from 'node:timers/promises'
import { requireServer, startConsul, startProxy } from '@rpcx/servers'
import { atMost, eventsOfDiscovery, until } from '@rpcx/testing'
import {
  callsGoOnThroughAMassLoss,
  changesNothingWithinALife,
  closesOutOfReach,
  goesOnForAMinute,
  keepsEntriesThroughAHang,
  restoresEntriesCutOff,
  rightsListsCutOff,
} from '@rpcx/testing/scenarios'
import { describe, test } from 'vitest'
import { Harness } from './harness.ts'
import { consul } from './registry.ts'

describe.runIf(await requireServer('consul'))('While Consul is killed', () => {
  test('for less than the TTL of a session, keys and lists stay as they are', () =>
    changesNothingWithinALife(consul, { overMs: 8_000 }))

  test(
    'for a minute, lists and calls work without extra cost, and pending changes are there within two seconds after',
    () => goesOnForAMinute(consul, { settledMs: 10_000 }),
    180_000,
  )

  test('close() takes five seconds at most, and Consul removes the entries once their TTL is over', () =>
    closesOutOfReach(consul, {
      goneMs: 20_000,
      cutMs: 15_000,
      connections: (_, proxy) => proxy.connections,
    }))
})

describe.runIf(await requireServer('consul'))('While Consul hangs or cannot be reached', () => {
  test('and then drops the entries of healthy servers, no call fails', () =>
    callsGoOnThroughAMassLoss(consul, { by: 'hang', forLives: 5 }))

  test('for five TTLs, an entry is back within two seconds after, with the edits of others', () =>
    keepsEntriesThroughAHang(consul, {
      forLives: 5,
      thenLives: 4,
      edit: async (harness, { server, address }) => {
        const key = harness.key('Arith', address)
        await harness.raw.put(key, 'state=inactive&weight=10')
        // The edit is known once what was set after it is there beside it.
        await until(async () => {
          await server.setMetadata('Arith', 'weight=11')
          return (await harness.raw.get(key))?.value === 'state=inactive&weight=11'
        })
        return 'state=inactive&weight=11'
      },
    }))

  test('for five TTLs because of the network, the key expires and is back within two seconds after', () =>
    restoresEntriesCutOff(consul, {
      forLives: 5,
      edit: (harness, service, address) =>
        harness.raw.put(harness.key(service, address), 'state=inactive&weight=10'),
    }))

  test('while servers are replaced, a client’s list is right within five seconds after', () =>
    rightsListsCutOff(consul, () => sleep(10_000)))

  test('after a long time without changes, a stalled watch is noticed within fifteen seconds', async () => {
    await using server = await startConsul()
    await using proxy = await startProxy(server.address)
    await using harness = new Harness(server)
    const discovery = harness.discovery({ consulServers: proxy.address })
    const events = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    await view.shows({})
    // By now its queries are the longest: 250 ms, then twice as long each time.
    await sleep(17_000)
    proxy.stall()
    const since = performance.now()
    await harness.raw.put(harness.key('Arith', 'tcp@10.0.0.1:1'), '')
    const down = await events.until(({ event }) => event === 'registryDown', 0, 45_000)
    atMost(15_000, 'after a long quiet, a stalled watch is noticed', down.at - since)
    await proxy.heal()
    await view.shows({ 'tcp@10.0.0.1:1': '' })
  })
})
