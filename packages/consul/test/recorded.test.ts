import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import type { KeyValue, Recording, Watched } from '@rpcx/testing/scenarios'
import { followsAsGo, listsAsGo, readRecording, readsOneTick, undialable } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Harness } from './harness.ts'
import { GO_FLAGS } from './raw-client.ts'

interface Written extends KeyValue {
  /** `plain`: without Go's flags. */
  readonly how?: 'plain'
}

interface Left extends KeyValue {
  readonly flags: string
  /** Whether a session holds it. */
  readonly held: boolean
}

interface Recorded extends Recording<Left, Written> {
  readonly watched: readonly Watched[]
}

const recorded: Recorded = readRecording(new URL('./fixtures/registry.json', import.meta.url))

describe.runIf(await requireServer('consul'))('What Go wrote', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  test.each(recorded.writtenByHand)("is listed as Go's client lists it: $what", async byHand => {
    await using harness = new Harness(consul)
    const put = (key: string, value: string | Buffer, { how }: Written): Promise<void> =>
      harness.raw.put(key, value, how === 'plain' ? '0' : GO_FLAGS)
    await listsAsGo(harness, recorded, byHand, put, undialable[byHand.name]?.address)
  })

  test('has the same metadata as in Go after one tick, with metrics and without', async () => {
    await using harness = new Harness(consul)
    await readsOneTick(harness, recorded, (key, value, { flags, held }) =>
      held ? harness.raw.hold(key, value) : harness.raw.put(key, value, flags),
    )
  })

  test("is watched as Go's client watches it", async () => {
    await using harness = new Harness(consul)
    await followsAsGo(harness, recorded.watched, {
      put: (address, value) => harness.raw.put(harness.key('Arith', address), value),
      remove: address => harness.raw.remove(harness.key('Arith', address)),
    })
  })
})
