import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import type { KeyValue, Recording, Watched } from '@rpcx/testing/scenarios'
import { followsAsGo, listsAsGo, readRecording, readsOneTick, undialable } from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { GO_FLAGS } from './hand.ts'
import { Stage } from './stage.ts'

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
    await using stage = new Stage(consul)
    const put = (key: string, value: string | Buffer, { how }: Written): Promise<void> =>
      stage.hand.put(key, value, how === 'plain' ? '0' : GO_FLAGS)
    await listsAsGo(stage, recorded, byHand, put, undialable[byHand.name]?.address)
  })

  test('has the same metadata as in Go after one tick, with metrics and without', async () => {
    await using stage = new Stage(consul)
    await readsOneTick(stage, recorded, (key, value, { flags, held }) =>
      held ? stage.hand.hold(key, value) : stage.hand.put(key, value, flags),
    )
  })

  test("is watched as Go's client watches it", async () => {
    await using stage = new Stage(consul)
    await followsAsGo(stage, recorded.watched, {
      put: (address, value) => stage.hand.put(stage.key('Arith', address), value),
      remove: address => stage.hand.remove(stage.key('Arith', address)),
    })
  })
})
