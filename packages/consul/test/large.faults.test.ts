import { requireServer, startConsul } from '@rpcx/servers'
import { numbered, staysUsable } from '@rpcx/testing/scenarios'
import { describe, test } from 'vitest'
import { Stage } from './stage.ts'

describe.runIf(await requireServer('consul'))('A list of ten thousand servers', () => {
  test('of which two hundred change each second is followed in time, and never blocks the process', async () => {
    await using consul = await startConsul()
    await using stage = new Stage(consul)
    const put = async (numbers: readonly number[], metadata: string): Promise<void> => {
      for (let i = 0; i < numbers.length; i += 20) {
        const some = numbers.slice(i, i + 20)
        await Promise.all(some.map(n => stage.hand.put(stage.key('Arith', numbered(n)), metadata)))
      }
    }
    await put([...Array(SERVERS).keys()], 'weight=1&group=a')
    const program = stage.program('large')
    await staysUsable(program, { servers: SERVERS, changes: 200, seconds: 10, change: put })
  })
})

const SERVERS = 10_000
