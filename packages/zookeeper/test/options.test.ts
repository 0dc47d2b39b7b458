import { expect, test } from 'vitest'
import { ZooKeeperDriver } from '../src/driver.ts'

const good = { zooKeeperServers: '127.0.0.1:2181', basePath: '/rpcx' }

test.each([
  [{ zooKeeperServers: '' }, 'zooKeeperServers'],
  [{ zooKeeperServers: [] }, 'zooKeeperServers'],
  [{ zooKeeperServers: ['127.0.0.1:2181', '127.0.0.1'] }, 'zooKeeperServers'],
  [{ zooKeeperServers: '127.0.0.1:2181/chroot' }, 'zooKeeperServers'],
  [{ basePath: '//' }, 'basePath'],
  [{ basePath: '/a/../b' }, 'basePath'],
  [{ sessionTimeoutMs: 0 }, 'sessionTimeoutMs'],
])('refuses %j by its name', (options, name) => {
  expect(() => new ZooKeeperDriver({ ...good, ...options })).toThrow(`zookeeper: ${name} is`)
})

test('refuses what can never be the name of a node, or its data', () => {
  const driver = new ZooKeeperDriver({ ...good, zooKeeperServers: ['[::1]:2181', 'zoo-2:2181'] })
  const entry = { service: 'Arith', address: 'tcp@127.0.0.1:8972', metadata: 'n=1' }
  driver.check(entry)
  driver.check({ ...entry, address: '' })
  for (const service of ['', '.', 'a/b', 'a\0b', 'a\ud83d\ude00']) {
    expect(() => driver.check({ ...entry, service })).toThrow(TypeError)
  }
  expect(() => driver.check({ ...entry, address: 'unix@/run/x.sock' })).toThrow(TypeError)
  expect(() => driver.check({ ...entry, metadata: 'x'.repeat(1_000_001) })).toThrow(RangeError)
})
