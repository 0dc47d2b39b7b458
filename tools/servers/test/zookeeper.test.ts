import { describe, expect, test } from 'vitest'
import { untilResolved } from '../src/deadline.ts'
import {
  attachToZooKeeperSession,
  openZooKeeperSession,
  requireServer,
  startProxy,
  startZooKeeper,
} from '../src/index.ts'
import { describeLifecycle } from './lifecycle.ts'

await describeLifecycle({
  kind: 'zookeeper',
  start: () => startZooKeeper(),
  async write(address, key) {
    await using session = await openZooKeeperSession(address)
    await session.create(`/${key}`, Buffer.from('value'))
  },
  async has(address, key) {
    await using session = await openZooKeeperSession(address)
    return await session.exists(`/${key}`)
  },
})

describe.runIf(await requireServer('zookeeper'))('A ZooKeeper session', () => {
  test('has a timeout of 2 to 20 ticks', async () => {
    await using zooKeeper = await startZooKeeper({ tickTimeMs: 100 })
    await using short = await openZooKeeperSession(zooKeeper.address, { timeoutMs: 1 })
    await using long = await openZooKeeperSession(zooKeeper.address, { timeoutMs: 60_000 })
    expect([short.timeoutMs, long.timeoutMs]).toEqual([200, 2_000])
  })

  test('keeps its data, and ephemeral nodes until it is closed', async () => {
    await using zooKeeper = await startZooKeeper()
    await using watcher = await openZooKeeperSession(zooKeeper.address)
    const session = await openZooKeeperSession(zooKeeper.address)
    await session.create('/kept', Buffer.from('value'))
    await session.create('/gone', undefined, { ephemeral: true })
    expect(await watcher.exists('/gone')).toBe(true)
    await session.close()
    expect(await watcher.exists('/gone')).toBe(false)
    expect((await watcher.read('/kept')).toString()).toBe('value')
  })

  test('can be closed by others with its id and password', async () => {
    await using zooKeeper = await startZooKeeper()
    await using watcher = await openZooKeeperSession(zooKeeper.address)
    const session = await openZooKeeperSession(zooKeeper.address)
    await session.create('/gone', undefined, { ephemeral: true })
    const id = Buffer.alloc(8)
    id.writeBigInt64BE(session.id)
    const intruder = await attachToZooKeeperSession(zooKeeper.address, id, session.password)
    await intruder.close()
    expect(await watcher.exists('/gone')).toBe(false)
    await expect(session.exists('/gone')).rejects.toThrow()
    await session.disconnected
  })

  test('cannot be attached to with a wrong password', async () => {
    await using zooKeeper = await startZooKeeper()
    await using session = await openZooKeeperSession(zooKeeper.address)
    const attaching = attachToZooKeeperSession(zooKeeper.address, session.id, Buffer.alloc(16))
    await expect(attaching).rejects.toThrow('no such session')
  })

  test('survives its connection, and expires when no client returns', async () => {
    await using zooKeeper = await startZooKeeper()
    await using proxy = await startProxy(zooKeeper.address)
    const session = await openZooKeeperSession(proxy.address, { timeoutMs: 400 })
    await session.create('/leaf', undefined, { ephemeral: true })
    proxy.drop()
    await session.disconnected
    await using watcher = await openZooKeeperSession(zooKeeper.address)
    expect(await watcher.exists('/leaf')).toBe(true)
    const gone = async () => expect(await watcher.exists('/leaf')).toBe(false)
    await untilResolved(gone, { what: 'the expiry', timeoutMs: 5_000 })
  })
})
