import { DNSDiscovery } from '@rpcx/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { A, ipv4, NameServer, SRV, service } from './name-server.ts'

describe('DNSDiscovery rejects at once, by its name:', () => {
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
    const make = (): DNSDiscovery => new DNSDiscovery({ domain: 'arith.example', ...options })
    expect(make).toThrow(type)
    expect(make).toThrow(`dns: ${name} is `)
  })
})

describe('when a name server misbehaves', () => {
  let names: NameServer
  beforeEach(async () => {
    names = await new NameServer().open()
  })
  afterEach(() => names.close())

  function discover(): DNSDiscovery {
    return new DNSDiscovery({ domain: name => `${name.toLowerCase()}.example`, servers: names.address })
  }

  const addresses = async (discovery: DNSDiscovery, name: string): Promise<readonly string[]> =>
    (await discovery.list(name)).map(({ address }) => address)

  test('each target is resolved once, however often it is named', async () => {
    names.answer = ({ name, type }) => {
      if (type === SRV) return Array.from({ length: 60 }, (_, i) => service(1_000 + i, `t${i % 3}`))
      return type === A ? [ipv4(10, 0, 0, Number(name.slice(1)) + 1)] : []
    }
    await using discovery = discover()
    expect(await addresses(discovery, 'Arith')).toHaveLength(60)
    expect(names.asked.filter(({ type }) => type === A)).toHaveLength(3)
  })

  test.each<[string, Buffer]>([
    ['a port of 0', service(0, 'good')],
    ['a target with a space', service(1, 'a b')],
    ['a target with a control character', service(1, Buffer.from([97, 0, 10, 27]))],
    ['a target with a dot inside of a label', service(1, 'a.b')],
    ['a target that is no ASCII', service(1, Buffer.from([0xff, 0xfe]))],
    ['a target that looks like an address', service(1, '[::1]:80/x@y')],
    ['no target', service(1)],
  ])('the others are listed beside %s', async (_what, bad) => {
    names.answer = ({ name, type }) => {
      if (type === SRV) return [bad, service(80, 'good')]
      return type === A && name === 'good' ? [ipv4(10, 0, 0, 1)] : []
    }
    await using discovery = discover()
    expect(await addresses(discovery, 'Arith')).toEqual(['tcp@10.0.0.1:80'])
  })

  test.each<[string, Buffer]>([
    ['garbage', Buffer.from('81800001ffff0000000003616263', 'hex')],
    [
      'a record that ends elsewhere',
      Buffer.from('8180000100010000000001610000210001c00c002100010000003cffff', 'hex'),
    ],
    ['a name that leads to itself', Buffer.from('81800001000100000000c00c00210001', 'hex')],
    ['two bytes', Buffer.alloc(0)],
  ])('other services are listed beside %s', async (_what, bytes) => {
    names.answer = ({ name, type }) => {
      if (name === 'bad.example') return bytes
      if (type === SRV) return [service(80, 'good')]
      return type === A ? [ipv4(10, 0, 0, 1)] : []
    }
    await using discovery = discover()
    discovery.list('Bad').catch(() => {})
    expect(await addresses(discovery, 'Good')).toEqual(['tcp@10.0.0.1:80'])
  })
})
