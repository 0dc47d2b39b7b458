import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import type { EtcdRegisterPluginOptions } from '../src/index.ts'
import { EtcdDiscovery, EtcdRegisterPlugin } from '../src/index.ts'

describe('An invalid option is rejected at once, by its name:', () => {
  const good = { etcdServers: '127.0.0.1:2379', basePath: '/x' }
  const both: readonly (readonly [string, object, new (message: string) => Error])[] = [
    ['etcdServers', { etcdServers: [] }, TypeError],
    ['etcdServers', { etcdServers: '' }, TypeError],
    ['etcdServers', { etcdServers: [''] }, TypeError],
    ['etcdServers', { etcdServers: [7] }, TypeError],
    ['etcdServers', { etcdServers: undefined }, TypeError],
    ['etcdServers', { etcdServers: ['127.0.0.1'] }, TypeError],
    ['etcdServers', { etcdServers: ['http://127.0.0.1:2379'] }, TypeError],
    ['auth', { auth: { username: '', password: 'x' } }, TypeError],
    ['auth', { auth: { username: 'x' } }, TypeError],
    ['tls', { tls: { ca: 'no PEM', cert: 'no PEM', key: 'no PEM' } }, TypeError],
    ['cert and key', { tls: { cert: 'alone' } }, TypeError],
    ['basePath', { basePath: '' }, TypeError],
    ['basePath', { basePath: '//' }, TypeError],
    ['basePath', { basePath: undefined }, TypeError],
  ]
  test.each(both)('%s of %j', (name, options, kind) => {
    for (const make of [
      () => new EtcdDiscovery({ ...good, ...options }),
      () => new EtcdRegisterPlugin({ ...good, ...options }),
    ]) {
      expect(make).toThrow(kind)
      expect(make).toThrow(name)
    }
  })

  const plugin: readonly (readonly [string, Partial<EtcdRegisterPluginOptions>])[] = [
    ['ttlMs', { ttlMs: 1_999 }],
    ['ttlMs', { ttlMs: Number.NaN }],
    ['ttlMs', { ttlMs: 86_400_001 }],
    ['updateIntervalMs', { updateIntervalMs: -1 }],
    ['updateIntervalMs', { updateIntervalMs: Number.NaN }],
    ['updateIntervalMs', { updateIntervalMs: 2 ** 31 }],
  ]
  test.each(plugin)('%s of %j', (name, options) => {
    const make = (): EtcdRegisterPlugin => new EtcdRegisterPlugin({ ...good, ...options })
    expect(make).toThrow(RangeError)
    expect(make).toThrow(name)
  })

  test('resyncMs', () => {
    expect(() => new EtcdDiscovery({ ...good, resyncMs: 10 })).toThrow(RangeError)
    expect(() => new EtcdDiscovery({ ...good, resyncMs: 10 })).toThrow('resyncMs')
  })

  test('serviceAddress', () => {
    expect(() => new EtcdRegisterPlugin({ ...good, serviceAddress: 'tcp@' })).toThrow('address')
  })

  test('metadata that etcd can never store, when the service is registered', () => {
    const server = new Server()
    server.plugins.add(new EtcdRegisterPlugin(good))
    const tooMuch = `note=${'x'.repeat(2 ** 20)}`
    expect(() => server.registerName('Arith', { Mul: () => 1 }, tooMuch)).toThrow(RangeError)
    expect(() => server.registerName('Arith', { Mul: () => 1 }, tooMuch)).toThrow('1048576')
  })
})

test.each([EtcdDiscovery, EtcdRegisterPlugin])(
  'a misspelt option is rejected at once, and options of the other class are not: %o',
  make => {
    expect(
      () => new make({ ...{ etcdServers: '127.0.0.1:2379', basePath: '/x' }, etcdServer: '' } as never),
    ).toThrow(new TypeError(`${make.name}: there is no option etcdServer; did you mean etcdServers?`))
    expect(() => new make(5 as never)).toThrow(`${make.name}: the options are 5, not an object`)
    expect(
      () =>
        new make({
          ...{ etcdServers: '127.0.0.1:2379', basePath: '/x' },
          ttlMs: 5_000,
          resyncMs: 5_000,
        } as never),
    ).not.toThrow()
  },
)
