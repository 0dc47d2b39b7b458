import { DnsDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'

describe('DnsDiscovery refuses at once, by its name:', () => {
  test.each<[string, object, typeof TypeError]>([
    ['domain', { domain: '' }, TypeError],
    ['domain', { domain: undefined }, TypeError],
    ['port', { port: 0 }, RangeError],
    ['port', { port: 65_536 }, RangeError],
    ['network', { network: 'a@b' }, TypeError],
    ['servers', { servers: 'localhost:53' }, TypeError],
    ['servers', { servers: ['127.0.0.1', '127.0.0.1:x'] }, TypeError],
    ['intervalMs', { intervalMs: 999 }, RangeError],
  ])('%s of %j', (name, options, type) => {
    const make = (): DnsDiscovery => new DnsDiscovery({ domain: 'arith.example', ...options })
    expect(make).toThrow(type)
    expect(make).toThrow(`dns: ${name} is `)
  })
})
