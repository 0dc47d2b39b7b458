import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import type { Recording, Watched } from '@rpcx/testing/scenarios'
import { followsAsGo, listsAsGo, readRecording, readsOneTick, undialable } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Harness } from './harness.ts'

interface Recorded extends Recording {
  readonly watched: readonly Watched[]
}

const recorded: Recorded = readRecording(new URL('./fixtures/registry.json', import.meta.url))

describe.runIf(await requireServer('etcd'))('What Go wrote', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  test.each(recorded.writtenByHand)("is listed as Go's client lists it: $what", async byHand => {
    await using harness = new Harness(etcd)
    const ignored = undialable[byHand.name]?.address
    await listsAsGo(harness, recorded, byHand, (key, value) => harness.gateway.put(key, value), ignored)
  })

  test('has the same metadata as in Go after one tick, with metrics and without', async () => {
    await using harness = new Harness(etcd)
    await readsOneTick(harness, recorded, (key, value) => harness.gateway.put(key, value))
  })

  test("is watched as Go's client watches it", async () => {
    await using harness = new Harness(etcd)
    await followsAsGo(harness, recorded.watched, {
      put: (address, value) => harness.gateway.put(harness.key('Arith', address), value),
      remove: address => harness.gateway.remove(harness.key('Arith', address)),
    })
  })
})
