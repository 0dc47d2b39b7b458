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
import { consul } from './registry.ts'

describe.runIf(await requireServer('consul'))('A server process', () => {
  let server: Server
  beforeAll(async () => {
    server = await consul.start()
  })
  afterAll(() => server.stop())

  test('that was killed leaves every list within two TTLs and two seconds', () =>
    goesWhenKilled(consul, server, 2 * TTL_MS + 2_000))

  test.each(['blocks its loop', 'is stopped'] as const)(
    'that %s for longer than its TTL is back within two seconds after, once',
    // Consul may end a session after up to two TTLs, so the previous one is over after four.
    fault => comesBackOnce(consul, server, { fault, blockedForLives: 2.5, thenLives: 4, why: 'deleted' }),
  )

  test('that blocks its loop for less than its TTL never leaves the list', async () => {
    await staysWhileItBlocks(consul, server)
  })

  test('is listed only while it accepts connections, through 30 graceful restarts', () =>
    isListedOnlyWhileItAccepts(consul, server, async harness => {
      const [found] = await harness.raw.all(`${harness.key('Arith')}/`)
      return found && { address: found.key.slice(found.key.lastIndexOf('/') + 1), version: found.modifyIndex }
    }))
})
