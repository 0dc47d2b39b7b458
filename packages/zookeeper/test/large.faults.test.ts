import { requireServer, startZooKeeper } from '@rpcx/servers'
import { numbered, staysUsable } from '@rpcx/testing/scenarios'
import { describe, test } from 'vitest'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('zookeeper'))('A list of ten thousand servers', () => {
  test('of which two hundred change each second is followed in time, and never blocks the process', async () => {
    await using zooKeeper = await startZooKeeper()
    await using stage = await Stage.open(zooKeeper)
    const { hand } = stage
    await hand.putAll(
      stage.path('Arith'),
      Array.from({ length: SERVERS }, (_, n) => numbered(n)),
      'weight=1&group=a',
    )
    const program = stage.program('large')
    await staysUsable(program, {
      servers: SERVERS,
      changes: 200,
      seconds: 10,
      change: (numbers, metadata) =>
        Promise.all(numbers.map(n => hand.edit(stage.path('Arith', numbered(n)), metadata))),
    })
  })
})

const SERVERS = 10_000
