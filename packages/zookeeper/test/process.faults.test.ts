import type { Server } from '@rpcx/servers'
import { requireServer } from '@rpcx/servers'
import {
  comesBackOnce,
  goesWhenKilled,
  isListedOnlyWhileItAccepts,
  staysWhileItBlocks,
} from '@rpcx/testing/scenarios'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SESSION_MS } from './harness.ts'
import { zooKeeper } from './registry.ts'

/** The tick of ZooKeeper, which ends sessions on a tick. */
const TICK_MS = 200

describe.runIf(await requireServer('zookeeper'))('A server process', () => {
  let server: Server
  beforeAll(async () => {
    server = await zooKeeper.start()
  })
  afterAll(() => server.stop())

  test('that was killed leaves every list within its session timeout, a tick and a second', () =>
    goesWhenKilled(zooKeeper, server, SESSION_MS + TICK_MS + 1_000))

  test.each(['blocks its loop', 'is stopped'] as const)(
    'that %s for longer than its session timeout is back within two seconds after, once',
    fault => comesBackOnce(zooKeeper, server, { fault, blockedForLives: 1.5, thenLives: 2, why: 'expired' }),
  )

  test('that blocks its loop for less than its session timeout never leaves the list, and keeps its connection', async () => {
    const events = await staysWhileItBlocks(zooKeeper, server)
    expect(events.all.map(({ event }) => event)).not.toContain('registryDown')
  })

  test('is listed only while it accepts connections, through 30 graceful restarts', () =>
    isListedOnlyWhileItAccepts(zooKeeper, server, async harness => {
      const [address] = await harness.raw.children(harness.path('Arith'))
      if (address === undefined) return undefined
      const found = await harness.raw.get(harness.path('Arith', address))
      return found && { address, version: found.made }
    }))
})
