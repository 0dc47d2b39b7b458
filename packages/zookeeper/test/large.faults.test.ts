import { requireServer, startZooKeeper } from '@rpcx/servers'
import { numbered, staysUsable } from '@rpcx/testing/scenarios'
import { describe, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('zookeeper'))('A list of ten thousand servers', () => {
  test('of which two hundred change each second is followed in time, and never blocks the process', async () => {
    await using zooKeeper = await startZooKeeper()
    await using harness = await Harness.open(zooKeeper)
    const { raw } = harness
    await raw.putAll(
      harness.path('Arith'),
      Array.from({ length: SERVERS }, (_, n) => numbered(n)),
      'weight=1&group=a',
    )
    const program = harness.program('large')
    await staysUsable(program, {
      servers: SERVERS,
      changes: 200,
      seconds: 10,
      change: (numbers, metadata) =>
        Promise.all(numbers.map(n => raw.edit(harness.path('Arith', numbered(n)), metadata))),
    })
  })
})

const SERVERS = 10_000
