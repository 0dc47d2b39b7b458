import { requireServer } from '@rpcx/servers'
import { startsFromItsCache } from '@rpcx/testing/scenarios'
import { test } from 'vitest'
import { etcd } from './registry.ts'

test.runIf(await requireServer('etcd'))(
  'A client that starts while etcd is down uses its cache at once, and etcd once it is up',
  () => startsFromItsCache(etcd),
)
