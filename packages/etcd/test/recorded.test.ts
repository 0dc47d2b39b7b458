import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import type { Recording, Watched } from '@rpcx/testing/scenarios'
import { followsAsGo, listsAsGo, readRecording, readsOneTick, undialable } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Stage } from './stage.ts'

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
    await using stage = new Stage(etcd)
    const ignored = undialable[byHand.name]?.address
    await listsAsGo(stage, recorded, byHand, (key, value) => stage.gateway.put(key, value), ignored)
  })

  test('has the same metadata as in Go after one tick, with metrics and without', async () => {
    await using stage = new Stage(etcd)
    await readsOneTick(stage, recorded, (key, value) => stage.gateway.put(key, value))
  })

  test("is watched as Go's client watches it", async () => {
    await using stage = new Stage(etcd)
    await followsAsGo(stage, recorded.watched, {
      put: (address, value) => stage.gateway.put(stage.key('Arith', address), value),
      remove: address => stage.gateway.remove(stage.key('Arith', address)),
    })
  })
})
