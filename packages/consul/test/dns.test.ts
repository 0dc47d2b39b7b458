import { promises as dns } from 'node:dns'
import { DNSDiscovery, XClient } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import type { EchoService } from '@rpcx/testing'
import { eventsOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CatalogClient } from './catalog-client.ts'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('consul'))('DNS', () => {
  let consul: Server
  beforeAll(async () => {
    const dns_config = { enable_truncate: true, service_ttl: { slow: '3s' } }
    consul = await startConsul({ config: { dns_config } })
  })
  afterAll(() => consul.stop())

  const domain = (service: string): string => `${service}.service.consul`
  const server = (): string => consul.extraAddresses.dns as string

  test('finds what was registered, until it is drained', async () => {
    await using harness = new Harness(consul)
    const resolver = new dns.Resolver()
    resolver.setServers([server()])
    const member = await harness.published('Arith', { catalog: true, metadata: 'weight=7&group=blue' })
    const port = Number(member.address.split(':')[1])
    for (const name of ['Arith.service.consul', 'blue.arith.service.consul']) {
      const [record, ...others] = await resolver.resolveSrv(name)
      expect(others).toEqual([])
      expect(record).toMatchObject({ port, weight: 7 })
      expect(await resolver.resolve4(record?.name as string)).toEqual(['127.0.0.1'])
    }
    const discovery = harness.open(new DNSDiscovery({ domain, servers: server() }))
    const view = harness.view('Arith', discovery)
    await view.shows({ [member.address]: 'weight=7' })
    const client = harness.open(new XClient<EchoService>('Arith', discovery))
    expect(await client.call('Echo', 1)).toBe(1)
    await member.server.close()
    await expect(resolver.resolveSrv('arith.service.consul')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await view.shows({})
  })

  test('finds all servers, even if they do not fit into one packet', async () => {
    await using harness = new Harness(consul)
    const catalog = new CatalogClient(harness.raw)
    const entries: Record<string, string> = {}
    for (let n = 1; n <= 40; n++) {
      const Address = `127.0.1.${n}`
      await catalog.register({ ID: `many-${n}`, Name: 'many', Address, Port: 7000 + n })
      entries[`tcp@${Address}:${7000 + n}`] = ''
    }
    const discovery = harness.open(new DNSDiscovery({ domain, servers: [server()] }))
    await harness.view('many', discovery).shows(entries)
  })

  test('finds IPv4 and IPv6 addresses when the port is known', async () => {
    await using harness = new Harness(consul)
    const catalog = new CatalogClient(harness.raw)
    await catalog.register({ ID: 'a-1', Name: 'addresses', Address: '127.0.0.2', Port: 1 })
    await catalog.register({ ID: 'a-2', Name: 'addresses', Address: '::1', Port: 2 })
    const options = { domain: 'addresses.service.consul', port: 8972, network: 'tcp', servers: server() }
    const view = harness.view('Arith', harness.open(new DNSDiscovery(options)))
    await view.shows({ 'tcp@127.0.0.2:8972': '', 'tcp@[::1]:8972': '' })
    await catalog.deregister('a-2')
    await view.shows({ 'tcp@127.0.0.2:8972': '' })
  })

  test('is asked for an address again once its TTL is over, and not before', async () => {
    await using harness = new Harness(consul)
    const catalog = new CatalogClient(harness.raw)
    await catalog.register({ ID: 'slow-1', Name: 'slow', Address: '127.0.0.2', Port: 1 })
    const since = performance.now()
    const discovery = new DNSDiscovery({ domain, port: 8972, servers: server() })
    const view = harness.view('slow', harness.open(discovery))
    await view.shows({ 'tcp@127.0.0.2:8972': '' })
    await catalog.register({ ID: 'slow-1', Name: 'slow', Address: '127.0.0.3', Port: 1 })
    const { at } = await view.shows({ 'tcp@127.0.0.3:8972': '' })
    expect(at - since).toBeGreaterThan(3_000)
    expect(at - since).toBeLessThan(9_000)
  })

  test('leaves the last known servers in the list while it does not respond', async () => {
    await using other = await startConsul()
    await using harness = new Harness(other)
    const { address } = await harness.published('Arith', { catalog: true })
    const servers = other.extraAddresses.dns as string
    const discovery = harness.open(new DNSDiscovery({ domain, servers, intervalMs: 1_000 }))
    const events = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    await view.shows({ [address]: '' })
    await other.kill()
    const { what } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error).toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringMatching(/^dns: SRV/),
    })
    expect(discovery.status('Arith').state).toBe('stale')
    await other.restart()
    await events.until(({ event }) => event === 'registryBack')
    await until(() => discovery.status('Arith').state === 'fresh')
    await view.shows({ [address]: '' })
  }, 60_000)
})
