import { setTimeout as sleep } from 'node:timers/promises'
import { requireServer } from '@rpcx/servers'
import { until } from '@rpcx/testing'
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
import { etcd } from './registry.ts'

describe.runIf(await requireServer('etcd'))('While etcd is killed', () => {
  test('for less than the TTL of a lease, keys and lists stay as they are', () =>
    changesNothingWithinALife(etcd, { overMs: 4_000 }))

  test(
    'for a minute, lists and calls work without extra cost, and pending changes are there within two seconds after',
    () => goesOnForAMinute(etcd, { settledMs: 10_000 }),
    180_000,
  )

  test('close() takes five seconds at most, and etcd removes the entries once their TTL is over', () =>
    closesOutOfReach(etcd, {
      goneMs: 20_000,
      cutMs: 10_000,
      connections: (_, proxy) => proxy.connections,
    }))
})

describe.runIf(await requireServer('etcd'))('While etcd hangs or cannot be reached', () => {
  test('and then drops the entries of healthy servers, no call fails', () =>
    callsGoOnThroughAMassLoss(etcd, { by: 'hang', forLives: 2 }))

  test('for two TTLs, an entry is back within two seconds after, with the edits of others', () =>
    keepsEntriesThroughAHang(etcd, {
      forLives: 2,
      thenLives: 2,
      edit: async (harness, { address }) => {
        const key = harness.key('Arith', address)
        // Without its lease, which the server then restores.
        await harness.gateway.put(key, 'state=inactive&weight=10')
        await until(async () => (await harness.gateway.get(key))?.lease !== '0')
        return 'state=inactive&weight=10'
      },
    }))

  test('for two and a half TTLs because of the network, the key expires and is back within two seconds after', () =>
    restoresEntriesCutOff(etcd, {
      forLives: 2.5,
      edit: async (harness, service, address) => {
        const key = harness.key(service, address)
        const { lease } = (await harness.gateway.get(key)) ?? {}
        await harness.gateway.put(key, 'state=inactive&weight=10', lease)
      },
    }))

  test('while servers are replaced, a client’s list is right within five seconds after', () =>
    rightsListsCutOff(etcd, async ({ gateway }) => {
      await gateway.compact()
      await sleep(10_000)
    }))
})
