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
import { SESSION_MS } from './harness.ts'
import { zooKeeper } from './registry.ts'

describe.runIf(await requireServer('zookeeper'))('While ZooKeeper is killed', () => {
  test('for less than a session timeout, entries and lists stay as they are', () =>
    changesNothingWithinALife(zooKeeper, { overMs: 4_000 }))

  test(
    'for a minute, lists and calls work without extra cost, and pending changes are there within two seconds after',
    () => goesOnForAMinute(zooKeeper, { settledMs: 5_000 }),
    180_000,
  )

  test('close() takes five seconds at most, and ZooKeeper removes the entries with their session', () =>
    closesOutOfReach(zooKeeper, {
      goneMs: 10_000,
      cutMs: 10_000,
      connections: harness => harness.raw.connections(),
    }))
})

describe.runIf(await requireServer('zookeeper'))('While ZooKeeper hangs or cannot be reached', () => {
  test('and then drops the entries of healthy servers, no call fails', () =>
    callsGoOnThroughAMassLoss(zooKeeper, { by: 'cut', forLives: 2 }))

  test('for two session timeouts, an entry is back within two seconds after, with the edits of others', () =>
    keepsEntriesThroughAHang(zooKeeper, {
      forLives: 2,
      thenLives: 2,
      edit: async (harness, { address }) => {
        const path = harness.path('Arith', address)
        await harness.raw.edit(path, 'weight=10&state=inactive')
        await until(async () => (await harness.raw.get(path))?.data === 'state=inactive&weight=10')
        return 'state=inactive&weight=10'
      },
    }))

  test('for two and a half session timeouts because of the network, the entry expires and is back within two seconds after', () =>
    restoresEntriesCutOff(zooKeeper, {
      forLives: 2.5,
      edit: (harness, service, address) =>
        harness.raw.edit(harness.path(service, address), 'weight=10&state=inactive'),
    }))

  test('for longer than a session while servers are replaced, a client’s list is right within five seconds after, whereas that of Go’s client stays wrong for ever', () =>
    rightsListsCutOff(zooKeeper, async (harness, servers) => {
      // Only the sessions of the servers are left, and our earlier one.
      await until(async () => (await zooKeeper.lives(harness)) === servers)
      await sleep(SESSION_MS)
    }))
})
