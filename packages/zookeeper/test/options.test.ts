import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import type { ZooKeeperRegisterPluginOptions } from '../src/index.ts'
import { ZooKeeperDiscovery, ZooKeeperRegisterPlugin } from '../src/index.ts'

const good = { zooKeeperServers: ['127.0.0.1:2181', '[::1]:2181', 'zoo-3:2181'], basePath: '/rpcx' }

describe('An invalid option is rejected at once, by its name:', () => {
  const both: readonly (readonly [string, object, new (message: string) => Error])[] = [
    ['zooKeeperServers', { zooKeeperServers: '' }, TypeError],
    ['zooKeeperServers', { zooKeeperServers: [] }, TypeError],
    ['zooKeeperServers', { zooKeeperServers: undefined }, TypeError],
    ['zooKeeperServers', { zooKeeperServers: ['127.0.0.1:2181', '127.0.0.1'] }, TypeError],
    ['zooKeeperServers', { zooKeeperServers: '127.0.0.1:2181/chroot' }, TypeError],
    ['zooKeeperServers', { zooKeeperServers: '::1:2181' }, TypeError],
    ['basePath', { basePath: '' }, TypeError],
    ['basePath', { basePath: '//' }, TypeError],
    ['basePath', { basePath: '/a/../b' }, TypeError],
    ['basePath', { basePath: undefined }, TypeError],
    ['chroot', { chroot: '/a/./b' }, TypeError],
    ['chroot', { chroot: 7 }, TypeError],
    ['sessionTimeoutMs', { sessionTimeoutMs: 0 }, RangeError],
    ['sessionTimeoutMs', { sessionTimeoutMs: Number.NaN }, RangeError],
    ['digest', { digest: { user: '', password: 'x' } }, TypeError],
    ['digest', { digest: { user: 'a:b', password: 'x' } }, TypeError],
    ['digest', { digest: { user: 'alice' } }, TypeError],
    ['tls', { tls: { ca: 'x', cert: 'y' } }, TypeError],
  ]
  test.each(both)('%s of %j', (name, options, kind) => {
    for (const make of [
      () => new ZooKeeperDiscovery({ ...good, ...options }),
      () => new ZooKeeperRegisterPlugin({ ...good, ...options }),
    ]) {
      expect(make).toThrow(kind)
      expect(make).toThrow(`zookeeper: ${name} is`)
    }
  })

  const plugin: readonly (readonly [string, Partial<ZooKeeperRegisterPluginOptions>])[] = [
    ['acl', { acl: '' }],
    ['acl', { acl: [] }],
    ['acl', { acl: 'world:anyone' }],
    ['acl', { acl: ['world:anyone:r', 'world:anyone:x'] }],
    ['acl', { acl: 'auth::cdrwa' }],
  ]
  test.each(plugin)('%s of %j', (name, options) => {
    const make = (): ZooKeeperRegisterPlugin => new ZooKeeperRegisterPlugin({ ...good, ...options })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`zookeeper: ${name} is`)
  })
})

describe('A registration that ZooKeeper can never store is rejected when the service is registered:', () => {
  const offer = (service: string, metadata = ''): Server => {
    const server = new Server()
    server.plugins.add(new ZooKeeperRegisterPlugin(good))
    return server.registerName(service, { Echo: () => 1 }, metadata) as never
  }

  test.each(['.', 'a/b', 'a\0b', 'a\ud83d\ude00'])('a service named %j', service => {
    expect(() => offer(service)).toThrow(TypeError)
  })

  test('metadata that exceed a request, with their size', () => {
    expect(() => offer('Arith', `note=${'x'.repeat(2 ** 20)}`)).toThrow(RangeError)
    expect(() => offer('Arith', `note=${'x'.repeat(2 ** 20)}`)).toThrow('1048581 bytes')
    offer('Arith', `note=${'x'.repeat(999_995)}`)
  })

  test('an address with a slash', async () => {
    const server = new Server()
    server.plugins.add(new ZooKeeperRegisterPlugin({ ...good, serviceAddress: 'unix@/run/x.sock' }))
    server.registerName('Arith', { Echo: () => 1 })
    await expect(server.serve('tcp', '127.0.0.1:0')).rejects.toThrow(
      'zookeeper: address is "unix@/run/x.sock"',
    )
    await server.close()
  })
})

test.each([ZooKeeperDiscovery, ZooKeeperRegisterPlugin])(
  'a misspelt option is rejected at once, and options of the other class are not: %o',
  make => {
    expect(
      () =>
        new make({
          ...{ zooKeeperServers: '127.0.0.1:2181', basePath: '/x' },
          zookeeperServers: '',
        } as never),
    ).toThrow(
      new TypeError(`${make.name}: there is no option zookeeperServers; did you mean zooKeeperServers?`),
    )
    expect(() => new make(5 as never)).toThrow(`${make.name}: the options are 5, not an object`)
    expect(
      () =>
        new make({
          ...{ zooKeeperServers: '127.0.0.1:2181', basePath: '/x' },
          acl: 'world:anyone:cdrwa',
          resyncMs: 5_000,
        } as never),
    ).not.toThrow()
  },
)
