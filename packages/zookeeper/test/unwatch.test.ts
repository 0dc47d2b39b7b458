import { RegistryDiscovery, systemClock } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ZooKeeperDriver } from '../src/driver.ts'
import { SessionConnections } from '../src/session-connections.ts'
import { readSettings } from '../src/settings.ts'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('zookeeper'))('A service that is no longer used', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  test.each(['', '/team/a'])('has no watch at ZooKeeper any more, with the chroot %j', async chroot => {
    await using harness = await Harness.open(zooKeeper)
    const { raw, basePath } = harness
    for (const path of ['/team', '/team/a']) await raw.put(path, '').catch(() => {})
    const options = { zooKeeperServers: zooKeeper.address, basePath, ...(chroot && { chroot }) }
    const discovery = harness.open(new RegistryDiscovery(new ZooKeeperDriver(options), {}, { idleMs: 50 }))
    const failures: string[] = []
    discovery.on('registryDown', ({ error }) => failures.push(error.message))
    for (const address of ['tcp@10.0.0.1:1', 'tcp@10.0.0.2:1']) {
      await raw.put(`${chroot}${harness.path('Arith', address)}`, 'n=1')
    }
    const kept = discovery.watch('Kept')[Symbol.asyncIterator]()
    await kept.next()
    expect(await discovery.list('Arith')).toHaveLength(2)
    for (let n = 0; n < 300; n++) expect(await discovery.list(`invented${n}`)).toEqual([])
    // The watch of the service, which does not exist.
    await until(async () => (await raw.watches()) === 1)
    expect(await discovery.list('Arith')).toHaveLength(2)
    await raw.edit(`${chroot}${harness.path('Arith', 'tcp@10.0.0.1:1')}`, 'n=2')
    await until(async () => (await discovery.list('Arith')).some(({ metadata }) => metadata === 'n=2'))
    expect(failures).toEqual([])
    await kept.return?.()
  })

  test('is released without a new connection when ZooKeeper has already dropped its watch', async () => {
    const connections = new SessionConnections(
      systemClock,
      readSettings({ zooKeeperServers: zooKeeper.address, basePath: 'x' }),
    )
    const connection = await connections.connect()
    connection.unwatch(['/nothing', '/nothing'])
    expect(await connection.probe()).toBe(true)
    expect(connection.down.aborted).toBe(false)
    await connections.close(AbortSignal.timeout(5_000))
  })
})
