import { requireServer, startEtcd } from '@rpcx/servers'
import { numbered, staysUsable } from '@rpcx/testing/scenarios'
import { describe, test } from 'vitest'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('etcd'))('A list of a hundred thousand servers', () => {
  test('of which two thousand change each second is followed in time, and never blocks the process', async () => {
    await using etcd = await startEtcd()
    await using harness = new Harness(etcd)
    // In transactions of 100, etcd's limit being 128.
    const put = async (numbers: readonly number[], metadata: string): Promise<void> => {
      for (let i = 0; i < numbers.length; i += 100) {
        const success = numbers.slice(i, i + 100).map(n => ({
          request_put: { key: btoa(harness.key('Arith', numbered(n))), value: btoa(metadata) },
        }))
        await harness.gateway.ask('kv/txn', { success })
      }
    }
    await put([...Array(SERVERS).keys()], 'weight=1&group=a')
    const program = harness.program('large')
    await staysUsable(program, { servers: SERVERS, changes: 2_000, seconds: 10, change: put })
  })
})

const SERVERS = 100_000
