import { expect, test } from 'vitest'
import { requireServer, startEtcd } from '../src/index.ts'
import { hasKey, putKey } from './etcd-gateway.ts'
import { describeLifecycle } from './lifecycle.ts'

await describeLifecycle({
  kind: 'etcd',
  start: () => startEtcd(),
  write: putKey,
  has: hasKey,
})

test.runIf(await requireServer('etcd'))(
  'The error of an etcd that does not start has its last output',
  async () => {
    await expect(startEtcd({ args: ['--no-such-flag'] })).rejects.toThrow(
      /etcd did not start: exit code .*no-such-flag/s,
    )
  },
)
