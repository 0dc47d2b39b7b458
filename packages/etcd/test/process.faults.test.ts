import type { Server } from '@rpcx/servers'
import { requireServer } from '@rpcx/servers'
import {
  comesBackOnce,
  goesWhenKilled,
  isListedOnlyWhileItAccepts,
  staysWhileItBlocks,
} from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { TTL_MS } from './harness.ts'
import { etcd } from './registry.ts'

describe.runIf(await requireServer('etcd'))('A server process', () => {
  let server: Server
  beforeAll(async () => {
    server = await etcd.start()
  })
  afterAll(() => server.stop())

  test('that was killed leaves every list within its TTL and two seconds', () =>
    goesWhenKilled(etcd, server, TTL_MS + 2_000))

  test.each(['blocks its loop', 'is stopped'] as const)(
    'that %s for longer than its TTL is back within two seconds after, once',
    fault => comesBackOnce(etcd, server, { fault, blockedForLives: 2.5, thenLives: 2, why: 'expired' }),
  )

  test('that blocks its loop for less than its TTL never leaves the list', async () => {
    await staysWhileItBlocks(etcd, server)
  })

  test('is listed only while it accepts connections, through 30 graceful restarts', () =>
    isListedOnlyWhileItAccepts(etcd, server, async harness => {
      const [found] = await harness.gateway.all(`${harness.key('Arith')}/`)
      return found && { address: found.key.slice(found.key.lastIndexOf('/') + 1), version: found.modRevision }
    }))
})
