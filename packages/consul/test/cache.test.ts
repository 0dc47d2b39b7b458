import { requireServer } from '@rpcx/servers'
import { startsFromItsCache } from '@rpcx/testing/scenarios'
import { test } from 'vitest'
import { consul } from './registry.ts'

test.runIf(await requireServer('consul'))(
  'A client that starts while Consul is down uses its cache at once, and Consul once it is up',
  () => startsFromItsCache(consul),
)
