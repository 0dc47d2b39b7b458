import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Health } from '@rpcx/core'
import { Server, systemClock, XClient } from '@rpcx/core'
import type { Server as Registry } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import type { EchoService } from '@rpcx/testing'
import { atMost, eventsOfDiscovery, until } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CatalogDriver } from '../src/catalog-driver.ts'
import { CatalogClient } from './catalog-client.ts'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('consul'))('Consul’s own catalogue', () => {
  let consul: Registry
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  /** Returns a harness, its catalog, and a service that no other test uses. */
  function open(): { harness: Harness; catalog: CatalogClient; service: string } {
    const harness = new Harness(consul)
    return { harness, catalog: new CatalogClient(harness.raw), service: `Arith-${harness.basePath.slice(5)}` }
  }

  test('lists what rpcx registered as a Consul service, beside the key, until it is withdrawn', async () => {
    const { harness, catalog, service } = open()
    await using _ = harness
    const metadata = 'weight=10&group=test&group=blue&zone=a'
    const { address, server } = await harness.published(service, { catalog: true, metadata })
    const [, port] = address.split(':')
    const [found, ...others] = await catalog.seen(service)
    expect(others).toEqual([])
    expect(found?.Service).toMatchObject({
      ID: expect.stringMatching(new RegExp(`^${service}-127.0.0.1-${port}-[0-9a-f]{10}$`)),
      Service: service,
      Address: '127.0.0.1',
      Port: Number(port),
      Tags: ['test', 'blue'],
      Weights: { Passing: 10, Warning: 1 },
      Meta: {
        'rpcx-address': address,
        'rpcx-metadata': metadata,
        'rpcx-owner': expect.stringMatching(/^[0-9a-f-]{36}\.1$/),
        weight: '10',
        group: 'test,blue',
        zone: 'a',
      },
    })
    const check = found?.Checks.find(({ Type }) => Type === 'ttl')
    expect(check).toMatchObject({ CheckID: `service:${found?.Service.ID}`, Status: 'passing' })
    expect(await harness.raw.get(harness.key(service, address))).toMatchObject({ value: metadata })
    await server.close()
    expect(await catalog.seen(service)).toEqual([])
    expect(await harness.raw.get(harness.key(service, address))).toBeUndefined()
  })

  test.each([
    ['nothing', ''],
    ['values that are too long for Consul', `note=${'é'.repeat(3_000)}&n=1`],
    ['more keys than Consul takes', Array.from({ length: 100 }, (_n, i) => `k${i}=${i}`).join('&')],
    ['keys that Consul does not accept', 'a+b=1&consul-x=2&rpcx-address=tcp%40x%3A1&=3&protocol=none'],
    ['what is no query string', 'rate=50%;x'],
  ])('returns metadata unchanged: %s', async (_what, metadata) => {
    const { harness, service } = open()
    await using _ = harness
    const { address } = await harness.published(service, { catalog: true, metadata })
    await harness.view(service, harness.catalog()).shows({ [address]: metadata })
    await harness.view(service).shows({ [address]: metadata })
  })

  test.each(['my_service', 'a.b', 'é', 'x'.repeat(64), '-a', 'a b'])(
    'rejects the service name %s, which DNS cannot carry although a key can',
    async name => {
      const { harness } = open()
      await using _ = harness
      const server = new Server()
      server.plugins.add(harness.plugin({ catalog: true }))
      expect(() => server.registerName(name, { Echo: () => 1 })).toThrow(TypeError)
      expect(() => server.registerName(name, { Echo: () => 1 })).toThrow(
        `${JSON.stringify(name)} cannot be the name of a service in DNS`,
      )
      const { address } = await harness.published(name)
      await harness.view(name).shows({ [address]: '' })
    },
  )

  test('rejects an address without a port, and more metadata than it can store', async () => {
    const { harness, service } = open()
    await using _ = harness
    await expect(
      harness.member(service, { catalog: true, serviceAddress: 'unix@/run/arith.sock' }),
    ).rejects.toMatchObject({ code: 'ERR_RPCX_ADDRESS', message: expect.stringContaining('/run/arith.sock') })
    const metadata = `note=${'x'.repeat(24_000)}`
    await expect(harness.member(service, { catalog: true, metadata })).rejects.toThrow('24005 bytes')
  })

  test('hides a server within a second of a critical check, and shows it again after a passing one', async () => {
    const { harness, catalog, service } = open()
    await using _ = harness
    const at = (port: number) => ({
      ID: `${service}-${port}`,
      Name: service,
      Address: '127.0.0.1',
      Port: port,
      Check: { TTL: '1h', Status: 'passing' },
    })
    for (const port of [1001, 1002]) await catalog.register(at(port))
    const [one, two] = ['tcp@127.0.0.1:1001', 'tcp@127.0.0.1:1002']
    const view = harness.view(service, harness.catalog())
    await view.shows({ [one]: '', [two]: '' })
    const all = harness.view(service, harness.catalog({ passingOnly: false }))
    for (const [status, count] of [
      ['fail', 1],
      ['pass', 2],
      ['warn', 1],
      ['pass', 2],
    ] as const) {
      const shown = catalog.passing(service, count).then(() => performance.now())
      await catalog.setCheck(`${service}-1001`, status)
      const { at } = await view.shows(count === 1 ? { [two]: '' } : { [one]: '', [two]: '' })
      atMost(1_000, `a check that says ${status} is seen`, at - (await shown))
    }
    await catalog.register(at(1003))
    await all.shows({ [one]: '', [two]: '', 'tcp@127.0.0.1:1003': '' })
    expect(all.all.map(list => Object.keys(list).length)).toEqual([2, 3])
  })

  test('marks a server as passing by itself, and as critical once the server stops renewing its check', async () => {
    const { harness, catalog, service } = open()
    await using _ = harness
    const { address } = await harness.published(service, { catalog: true })
    const view = harness.view(service, harness.catalog())
    await view.shows({ [address]: '' })
    await catalog.setCheck(catalog.id(service, address), 'fail')
    await view.shows({})
    await view.shows({ [address]: '' })

    const program = harness.program('server', { service: `${service}-2`, ttlMs: 2_000, catalog: true })
    const { what } = await program.events.until(({ event }) => event === 'published')
    const other = harness.view(`${service}-2`, harness.catalog())
    await other.shows({ [what.address as string]: '' })
    program.signal('SIGSTOP')
    await other.shows({})
    program.signal('SIGCONT')
    await other.shows({ [what.address as string]: '' })
  })

  test('marks a draining server as critical', async () => {
    const { harness, catalog, service } = open()
    await using _ = harness
    let health: Health = 'ready'
    const driver = new CatalogDriver({ consulServers: consul.address, ttlMs: 3_000 }, () => health)
    const { signal } = new AbortController()
    const session = await driver.open(signal, systemClock)
    await session.write({ service, address: 'tcp@127.0.0.1:7001', metadata: '' }, undefined, 'all', signal)
    await catalog.passing(service, 1)
    health = 'draining'
    await catalog.passing(service, 0)
    const [found] = await catalog.seen(service)
    expect(found?.Checks).toContainEqual(expect.objectContaining({ Status: 'critical', Output: 'draining' }))
    health = 'ready'
    await catalog.passing(service, 1)
    await session.close(signal)
  })

  test('checks a server by connecting to it when the option asks for that', async () => {
    const { harness, catalog, service } = open()
    await using _ = harness
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as { port: number }
    const serviceAddress = `tcp@127.0.0.1:${port}`
    const { server } = await harness.published(service, {
      catalog: true,
      check: 'tcp',
      ttlMs: 2_000,
      serviceAddress,
    })
    const view = harness.view(service, harness.catalog())
    await view.shows({ [serviceAddress]: '' })
    listener.close()
    await view.shows({})
    expect((await catalog.seen(service))[0]?.Checks).toContainEqual(
      expect.objectContaining({ Type: 'tcp', Status: 'critical' }),
    )
    await server.close()
    expect(await catalog.seen(service)).toEqual([])
  })

  test.each<[string, (catalog: CatalogClient, service: string, id: string) => Promise<unknown>]>([
    ['from the agent', (catalog, _service, id) => catalog.deregister(id)],
    [
      'from the catalogue, behind the back of the agent',
      async (catalog, service, id) => {
        const [found] = await catalog.seen(service)
        const gone = { Node: found?.Node.Node, ServiceID: id }
        await catalog.raw.ask('PUT', 'catalog/deregister', JSON.stringify(gone))
      },
    ],
  ])('gets a service back that somebody deregistered %s', async (_where, deregister) => {
    const { harness, catalog, service } = open()
    await using _ = harness
    const { address, events } = await harness.published(service, { catalog: true, metadata: 'n=1' })
    const view = harness.view(service, harness.catalog())
    await view.shows({ [address]: 'n=1' })
    await deregister(catalog, service, catalog.id(service, address))
    await events.until(({ event }) => event === 'lost')
    await view.shows({ [address]: 'n=1' })
    expect((await catalog.seen(service, true)).length).toBe(1)
    expect((await catalog.ours()).map(({ Service }) => Service)).toContain(service)
  })

  test('lists services that others registered, and a client can call them', async () => {
    const { harness, catalog, service } = open()
    await using _ = harness
    const { address } = await harness.member('Elsewhere')
    const server = harness.open(new Server())
    server.registerName(service, { Echo: (value: unknown) => value })
    await server.serve('tcp', '127.0.0.1:0')
    const [, port] = (server.address as string).split(':')
    await catalog.register({ ID: service, Name: service, Address: '127.0.0.1', Port: Number(port) })
    const discovery = harness.catalog()
    await harness.view(service, discovery).shows({ [server.address as string]: '' })
    const client = harness.open(new XClient<EchoService>(service, discovery))
    expect(await client.call('Echo', 7)).toBe(7)
    expect(address).not.toBe(server.address)
  })

  test('lists tags as groups, the weight, the meta, and the address of the node', async () => {
    const { harness, catalog, service } = open()
    await using _ = harness
    await catalog.register({ ID: service, Name: service, Port: 7001 })
    const Weights = { Passing: 5, Warning: 1 }
    await catalog.register({
      ID: `${service}-2`,
      Name: service,
      Address: '::1',
      Port: 7002,
      Tags: ['b', 'a'],
      Meta: { version: '1 2', state: 'inactive' },
      Weights,
    })
    const view = harness.view(service, harness.catalog())
    await view.shows({
      'tcp@127.0.0.1:7001': '',
      'tcp@[::1]:7002': 'group=b&group=a&state=inactive&version=1+2&weight=5',
    })
  })

  test('ignores services that rpcx cannot call, with one event each', async () => {
    const { harness, catalog, service } = open()
    await using _ = harness
    const at = { Name: service, Address: '10.9.8.7' }
    await catalog.register({ ...at, ID: `${service}-0` })
    await catalog.register({ ...at, ID: `${service}-1`, Port: 7001, Meta: { protocol: 'grpc' } })
    await catalog.register({ ...at, ID: `${service}-2`, Port: 7002, Address: '/run/arith.sock' })
    const proxy = { Kind: 'connect-proxy', Proxy: { DestinationServiceName: 'x' } }
    await catalog.register({ ...at, ID: `${service}-3`, Port: 7003, ...proxy })
    await catalog.register({ ...at, ID: `${service}-4`, Port: 7004, Meta: { 'rpcx-address': 'tcp@' } })
    await catalog.register({ ...at, ID: `${service}-5`, Port: 7005, Meta: { protocol: 'rpcx' } })
    await catalog.register({ ...at, ID: `${service}-6`, Port: 7006, Name: service.toLowerCase() })
    const discovery = harness.catalog()
    const events = eventsOfDiscovery(discovery)
    const view = harness.view(service, discovery)
    await view.shows({ 'tcp@10.9.8.7:7005': 'protocol=rpcx' })
    await catalog.register({ ...at, ID: `${service}-7`, Port: 7007 })
    await view.shows({ 'tcp@10.9.8.7:7005': 'protocol=rpcx', 'tcp@10.9.8.7:7007': '' })
    const ignored = events.all.filter(({ event }) => event === 'entryIgnored')
    expect(ignored.map(({ address, error }) => `${address} ${error?.message}`).sort()).toEqual([
      expect.stringMatching(`tcp@ .*"tcp@" is not network@host:port`),
      expect.stringMatching(`tcp@/run/arith.sock:7002 .*-2 on test has the address "/run/arith.sock"`),
      expect.stringMatching(`tcp@10.9.8.7:0 .*-0 on test has the port 0`),
      expect.stringMatching(`tcp@10.9.8.7:7001 .*-1 on test speaks grpc`),
      expect.stringMatching(`tcp@10.9.8.7:7003 .*-3 on test is a connect-proxy`),
    ])
  })

  test('lists only the servers with the given tags and zones', async () => {
    const { harness, catalog, service } = open()
    await using _ = harness
    const a = await harness.published(service, { catalog: true, metadata: 'group=x&group=y&zone=a' })
    const b = await harness.published(service, { catalog: true, metadata: 'group=x&zone=b' })
    await catalog.register({ ID: service, Name: service, Port: 7001, Tags: ['y'] })
    const shows = (options: Parameters<Harness['catalog']>[0], addresses: readonly string[]) => {
      const view = harness.view(service, harness.catalog(options))
      return view.until(list => Object.keys(list).sort().join() === [...addresses].sort().join())
    }
    await shows({}, [a.address, b.address, 'tcp@127.0.0.1:7001'])
    await shows({ tags: ['x'] }, [a.address, b.address])
    await shows({ tags: ['x', 'y'] }, [a.address])
    await shows({ tags: ['y'], zones: ['b', 'c'] }, [])
    await shows({ zones: ['b', 'c'] }, [b.address])
  })
})

describe.runIf(await requireServer('consul'))('An agent', () => {
  test.each([
    ['with', false],
    ['without', true],
  ])(
    'that restarts %s its data gets its services again',
    async (_how, wipe) => {
      await using consul = await startConsul()
      await using harness = new Harness(consul)
      const catalog = new CatalogClient(harness.raw)
      const { address, server, events } = await harness.published('Arith', { catalog: true, metadata: 'n=1' })
      const view = harness.view('Arith', harness.catalog())
      await view.shows({ [address]: 'n=1' })
      await consul.restart({ wipe })
      await events.until(({ event }) => event === 'registryBack')
      await until(async () => (await catalog.seen('Arith', true)).length === 1, 30_000)
      await view.shows({ [address]: 'n=1' })
      await server.setMetadata('Arith', 'n=2')
      await view.shows({ [address]: 'n=2' })
      await server.close()
      expect(await catalog.seen('Arith')).toEqual([])
    },
    60_000,
  )
})
