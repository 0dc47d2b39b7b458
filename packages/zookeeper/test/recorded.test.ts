import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import type { KeyValue, Recording } from '@rpcx/testing/scenarios'
import { listsAsGo, readRecording, readsOneTick, undialable } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

interface Left extends KeyValue {
  readonly ephemeral: boolean
  readonly acl: string
}

const recorded: Recording<Left> = readRecording(new URL('./fixtures/registry.json', import.meta.url))

describe.runIf(await requireServer('zookeeper'))('What Go wrote', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test.each(recorded.writtenByHand)("is listed as Go's client lists it: $what", async byHand => {
    await using harness = await Harness.open(zooKeeper)
    const left = undialable[byHand.name]?.address
    // A node that lies deeper is not a child, so the client does not see it.
    const ignored = byHand.getServices.some(({ key }) => key === left) ? left : undefined
    await listsAsGo(harness, recorded, byHand, (key, value) => harness.raw.put(key, value), ignored)
  })

  test('has the same metadata as ours after one tick, in the same layout', async () => {
    await using harness = await Harness.open(zooKeeper)
    const { raw, basePath } = harness
    const { serviceAddress, lastTick } = recorded
    await readsOneTick(harness, recorded, (key, value) => raw.put(key, value))

    await raw.removeAll(basePath)
    const { server } = await harness.published('Arith', { serviceAddress, metadata: 'weight=10&group=g1' })
    server.registerName('Echo', { Echo: () => 1 })
    await server.published()
    for (const { key, value, ephemeral, acl } of lastTick) {
      const here = key.replace(recorded.basePath, basePath)
      const found = await raw.get(here)
      expect([key, !/^0+$/.test(found?.owner ?? '')]).toEqual([key, ephemeral])
      expect(await raw.acl(here)).toEqual([acl])
      if (!ephemeral) expect(found?.data).toBe(value)
    }
  })
})
