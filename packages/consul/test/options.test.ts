import { Server } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import type { ConsulDiscoveryOptions } from '../src/index.ts'
import { ConsulDiscovery, ConsulRegisterPlugin } from '../src/index.ts'

describe('An invalid option is rejected at once, by its name:', () => {
  const good = { consulServers: '127.0.0.1:8500', basePath: 'x' }
  const both: readonly (readonly [string, object])[] = [
    ['consulServers', { consulServers: [] }],
    ['consulServers', { consulServers: '' }],
    ['consulServers', { consulServers: ['127.0.0.1:8500', ''] }],
    ['consulServers', { consulServers: undefined }],
    ['consulServers', { consulServers: ['127.0.0.1'] }],
    ['consulServers', { consulServers: ['http://127.0.0.1:8500'] }],
    ['basePath', { basePath: '' }],
    ['basePath', { basePath: '//' }],
    ['basePath', { basePath: undefined }],
  ]
  test.each(both)('%s of %j', (name, options) => {
    for (const make of [
      () => new ConsulDiscovery({ ...good, ...options }),
      () => new ConsulRegisterPlugin({ ...good, ...options }),
    ]) {
      expect(make).toThrow(TypeError)
      expect(make).toThrow(name)
    }
  })

  test.each([
    ['ttlMs', { ttlMs: 999 }],
    ['ttlMs', { ttlMs: Number.NaN }],
    ['ttlMs', { ttlMs: 86_400_001 }],
    ['updateIntervalMs', { updateIntervalMs: -1 }],
    ['updateIntervalMs', { updateIntervalMs: 2 ** 31 }],
  ])('%s of %j', (name, options) => {
    const make = (): ConsulRegisterPlugin => new ConsulRegisterPlugin({ ...good, ...options })
    expect(make).toThrow(RangeError)
    expect(make).toThrow(name)
  })

  test('consistency', () => {
    const make = (): ConsulDiscovery => new ConsulDiscovery({ ...good, consistency: 'strong' as 'stale' })
    expect(make).toThrow(TypeError)
    expect(make).toThrow('consistency is "strong"')
  })

  test.each<[string, object]>([
    ['source', { source: 'dns' }],
    ['consulServers', { source: 'catalog', consulServers: 'nowhere' }],
    ['consistency', { source: 'catalog', consistency: 'strong' }],
    ['datacenters', { source: 'catalog', datacenters: ['dc1', ''] }],
    ['datacenters', { source: 'catalog', datacenters: ['dc1', 'dc1'] }],
  ])('%s of %j', (name, options) => {
    const make = (): ConsulDiscovery => new ConsulDiscovery({ ...good, ...options } as ConsulDiscoveryOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`${name} is `)
  })

  test('options of the catalog', () => {
    const make = (options: object) => () => new ConsulRegisterPlugin({ ...good, catalog: true, ...options })
    expect(make({ deregisterAfterMs: 59_999 })).toThrow(RangeError)
    expect(make({ deregisterAfterMs: 59_999 })).toThrow('deregisterAfterMs is 59999')
    expect(make({ check: 'http' })).toThrow(TypeError)
    expect(make({ check: 'http' })).toThrow('check is "http", not ttl or tcp')
  })

  test('resyncMs', () => {
    expect(() => new ConsulDiscovery({ ...good, resyncMs: 10 })).toThrow(RangeError)
    expect(() => new ConsulDiscovery({ ...good, resyncMs: 10 })).toThrow('resyncMs')
  })

  test('metadata that Consul can never store, when the service is registered', () => {
    const server = new Server()
    server.plugins.add(new ConsulRegisterPlugin(good))
    const tooMuch = `note=${'x'.repeat(360 * 1024)}`
    expect(() => server.registerName('Arith', { Mul: () => 1 }, tooMuch)).toThrow(RangeError)
    expect(() => server.registerName('Arith', { Mul: () => 1 }, tooMuch)).toThrow('368640')
  })

  test.each(['.', '..', 'a/../b', 'a/./b', 'a//b', '/a', 'a/'])(
    'a service name that no key can contain: %s',
    service => {
      const server = new Server()
      server.plugins.add(new ConsulRegisterPlugin(good))
      expect(() => server.registerName(service, { Mul: () => 1 })).toThrow(TypeError)
      server.registerName('Good', { Mul: () => 1 })
    },
  )

  test.each(['a/../b', '..', './a'])('a base path that no key can begin with: %s', basePath => {
    expect(() => new ConsulDiscovery({ ...good, basePath })).toThrow(TypeError)
  })
})

test.each([ConsulDiscovery, ConsulRegisterPlugin])(
  'a misspelt option is rejected at once, and options of the other class are not: %o',
  make => {
    expect(
      () => new make({ ...{ consulServers: '127.0.0.1:8500', basePath: 'x' }, consulserver: '' } as never),
    ).toThrow(new TypeError(`${make.name}: there is no option consulserver; did you mean consulServers?`))
    expect(() => new make(5 as never)).toThrow(`${make.name}: the options are 5, not an object`)
    expect(
      () =>
        new make({
          ...{ consulServers: '127.0.0.1:8500', basePath: 'x' },
          ttlMs: 10_000,
          resyncMs: 5_000,
        } as never),
    ).not.toThrow()
  },
)
