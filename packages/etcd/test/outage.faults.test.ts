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
  test('for less than the life of a lease, keys and lists stay as they are', () =>
    changesNothingWithinALife(etcd, { overMs: 4_000 }))

  test(
    'for a minute, lists and calls go on at no cost, and what waited is there within two seconds',
    () => goesOnForAMinute(etcd, { settledMs: 10_000 }),
    180_000,
  )

  test('close() takes five seconds at most, and the rest goes by its life', () =>
    closesOutOfReach(etcd, {
      goneMs: 20_000,
      cutMs: 10_000,
      connections: (_, proxy) => proxy.connections,
    }))
})

describe.runIf(await requireServer('etcd'))('While etcd hangs or is cut off', () => {
  test('and then gives up the entries of servers that are well, no call fails', () =>
    callsGoOnThroughAMassLoss(etcd, { by: 'hang', forLives: 2 }))

  test('for twice the life of a lease, an entry is back within two seconds, with the edits of others', () =>
    keepsEntriesThroughAHang(etcd, {
      forLives: 2,
      thenLives: 2,
      edit: async (stage, { address }) => {
        const key = stage.key('Arith', address)
        // Without its lease, which the server gives it back.
        await stage.gateway.put(key, 'state=inactive&weight=10')
        await until(async () => (await stage.gateway.get(key))?.lease !== '0')
        return 'state=inactive&weight=10'
      },
    }))

  test('by a network for two and a half lives, its key goes and is back within two seconds of healing', () =>
    restoresEntriesCutOff(etcd, {
      forLives: 2.5,
      edit: async (stage, service, address) => {
        const key = stage.key(service, address)
        const { lease } = (await stage.gateway.get(key)) ?? {}
        await stage.gateway.put(key, 'state=inactive&weight=10', lease)
      },
    }))

  test('while servers are replaced, a client’s list is right within five seconds of healing', () =>
    rightsListsCutOff(etcd, async ({ gateway }) => {
      await gateway.compact()
      await sleep(10_000)
    }))
})
