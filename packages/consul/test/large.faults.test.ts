import { requireServer, startConsul } from '@rpcx/servers'
import { numbered, staysUsable } from '@rpcx/testing/scenarios'
import { describe, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('consul'))('A list of ten thousand servers', () => {
  test('of which two hundred change each second is followed in time, and never blocks the process', async () => {
    await using consul = await startConsul()
    await using harness = new Harness(consul)
    const put = async (numbers: readonly number[], metadata: string): Promise<void> => {
      for (let i = 0; i < numbers.length; i += 20) {
        const some = numbers.slice(i, i + 20)
        await Promise.all(some.map(n => harness.raw.put(harness.key('Arith', numbered(n)), metadata)))
      }
    }
    await put([...Array(SERVERS).keys()], 'weight=1&group=a')
    const program = harness.program('large')
    await staysUsable(program, { servers: SERVERS, changes: 200, seconds: 10, change: put })
  })
})

const SERVERS = 10_000
