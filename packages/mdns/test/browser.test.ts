import { once } from 'node:events'
import { createServer } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { Server } from '@rpcx/core'
import { freePort } from '@rpcx/servers'
import { atMost } from '@rpcx/testing'
import { describe, expect, test } from 'vitest'
import { toStrings } from '../src/text.ts'
import { Harness } from './harness.ts'
import type { Answer, ReceivedPacket } from './neighbour.ts'
import { goText, Neighbour } from './neighbour.ts'

describe('A client', () => {
  test.each([1, 2, 10])('finds a server with %i services, their metadata of 10 to 600 bytes', async count => {
    await using harness = new Harness()
    const services = Array.from({ length: count }, (_, i) => `Service${i}`)
    const metadata = (i: number): string =>
      `n=${i}&text=${'x'.repeat(Math.round((590 * i) / Math.max(1, count - 1)))}`
    const { server, address } = await harness.member(services[0] as string, { metadata: metadata(0) })
    for (const [i, service] of services.entries()) {
      if (i > 0) server.registerName(service, { Echo: (value: unknown) => value }, metadata(i))
    }
    await server.published()
    const discovery = harness.discovery()
    for (const [i, service] of services.entries()) {
      const [endpoint] = await discovery.list(service)
      expect(endpoint?.address).toBe(address)
      expect(endpoint?.metadata).toBe(metadata(i))
    }
  })

  test('that starts first sees the first server within a second of the announcement', async () => {
    await using harness = new Harness()
    const view = harness.view('Arith')
    await view.shows({})
    const neighbour = await harness.neighbour()
    const { address } = await harness.member('Arith')
    const announced = await neighbour.received.until(({ type }) => type === 'response')
    atMost(1_000, 'announced, listed', (await view.shows({ [address]: '' })).at - announced.at)
  })

  test('finds two servers on one host, and removes one within a second of its goodbye', async () => {
    await using harness = new Harness()
    const leaving = await harness.member('Arith', { metadata: 'is=leaving' })
    const staying = await harness.member('Arith', { metadata: 'is=staying' })
    const view = harness.view('Arith')
    await view.shows({ [leaving.address]: 'is=leaving', [staying.address]: 'is=staying' })
    const neighbour = await harness.neighbour()
    const closing = leaving.server.close()
    const goodbye = await neighbour.received.until(
      ({ answers }) => answers?.some(answer => 'ttl' in answer && answer.ttl === 0) === true,
    )
    atMost(1_000, 'goodbye, gone', (await view.shows({ [staying.address]: 'is=staying' })).at - goodbye.at)
    await closing
  })

  test('removes a server within a second of its goodbye, also when its metrics changed since the last report', async () => {
    await using harness = new Harness()
    const { server, address } = await harness.member('Arith', { updateIntervalMs: 20 })
    const view = harness.view('Arith')
    await view.until(list => address in list)
    // Gets a unicast response, so that no other host learns of the new metrics.
    const legacy = harness.open(await Neighbour.alone(harness.port, await freePort()))
    legacy.ask('_rpcxservices.local', 'PTR')
    const { what } = await legacy.received.until(packet => textOf(packet) !== undefined)
    const before = textOf(what)
    await harness.client('Arith').call('Echo', 1)
    const changed = legacy.received.until(packet => {
      const text = textOf(packet)
      return text !== undefined && !isDeepStrictEqual(text.data, before?.data)
    })
    const timer = setInterval(() => legacy.ask(before?.name ?? '', 'TXT'), 20)
    await changed.finally(() => clearInterval(timer))
    const neighbour = await harness.neighbour()
    const closing = server.close()
    const goodbye = await neighbour.received.until(
      ({ answers }) => answers?.some(answer => 'ttl' in answer && answer.ttl === 0) === true,
    )
    atMost(1_000, 'goodbye, gone', (await view.shows({})).at - goodbye.at)
    await closing
  })

  test('ignores the goodbye of another owner, or of an earlier version', async () => {
    await using harness = new Harness()
    const view = harness.view('Arith')
    await view.shows({})
    const neighbour = await harness.neighbour()
    const said = (owner: string, version: bigint, metadata: string, ttl: number): Answer =>
      ({
        ...goText('one', 'Arith', 'tcp@10.0.0.1:1', metadata, ttl),
        data: toStrings({ service: 'Arith', address: 'tcp@10.0.0.1:1', metadata, owner, version }),
      }) as Answer
    neighbour.say([said('b', 5n, 'n=5', 120)])
    await view.shows({ 'tcp@10.0.0.1:1': 'n=5' })
    neighbour.say([said('a', 9n, 'n=9', 0)])
    neighbour.say([said('b', 4n, 'n=4', 0)])
    neighbour.say([goText('other', 'Arith', 'tcp@10.0.0.1:2', '', 120)])
    await view.shows({ 'tcp@10.0.0.1:1': 'n=5', 'tcp@10.0.0.1:2': '' })
    neighbour.say([said('b', 6n, 'n=6', 0)])
    await view.shows({ 'tcp@10.0.0.1:2': '' })
    expect(
      view.all.filter(list => list['tcp@10.0.0.1:1'] === undefined && 'tcp@10.0.0.1:2' in list),
    ).toHaveLength(1)
  })

  test('sees new metadata within a second, never through an empty list', async () => {
    await using harness = new Harness()
    const { server, address } = await harness.member('Arith', { metadata: 'n=0' })
    const view = harness.view('Arith')
    await view.shows({ [address]: 'n=0' })
    for (const n of [1, 2, 3]) {
      const since = performance.now()
      void server.setMetadata('Arith', `n=${n}`)
      atMost(1_000, 'setMetadata(), listed', (await view.shows({ [address]: `n=${n}` })).at - since)
    }
    expect(view.all.every(list => address in list)).toBe(true)
  })

  test('that fails to connect to a crashed server removes it within five seconds', async () => {
    await using harness = new Harness()
    const program = harness.program('server', { services: ['Arith'] })
    const { what } = await program.events.until(({ event }) => event === 'published')
    const { address } = await harness.member('Arith')
    const discovery = harness.discovery()
    const view = harness.view('Arith', discovery)
    await view.shows({ [String(what.address)]: '', [address]: '' })
    const client = harness.client('Arith', discovery)
    program.signal('SIGKILL')
    const since = performance.now()
    let isOver = false
    const calling = (async () => {
      while (!isOver) {
        await client.call('Echo', 1).catch(() => {})
        await new Promise(resolve => setImmediate(resolve))
      }
    })()
    const gone = await view.shows({ [address]: '' }).finally(() => {
      isOver = true
    })
    await calling
    atMost(5_000, 'crashed, gone', gone.at - since)
  })

  test('that fails to connect to a server that still answers on mDNS keeps it', async () => {
    await using harness = new Harness()
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as { port: number }
    listener.close()
    const { address } = await harness.member('Arith', { serviceAddress: `tcp@127.0.0.1:${port}` })
    const discovery = harness.discovery()
    const view = harness.view('Arith', discovery)
    await view.shows({ [address]: '' })
    const neighbour = await harness.neighbour()
    const { mark } = neighbour.received
    const verify = (): void => discovery.verify('Arith', address)
    // Repeated, because an entry that was just received need not be asked for.
    const timer = setInterval(verify, 200)
    await neighbour.received.until(({ questions }) => questions?.[0]?.type === 'TXT', mark)
    await neighbour.received.until(({ answers }) => answers?.[0]?.type === 'TXT', mark)
    clearInterval(timer)
    const { address: late } = await harness.member('Arith', { metadata: 'is=late' })
    await view.shows({ [address]: '', [late]: 'is=late' })
    for (const list of view.all) expect(list).toHaveProperty([address])
  })

  test('removes a silent server when its TTL is over, and only after asking for it', async () => {
    await using harness = new Harness()
    const view = harness.view('Arith')
    await view.shows({})
    const neighbour = await harness.neighbour()
    neighbour.say([goText('silent', 'Arith', 'tcp@10.0.0.1:1', '', 4)])
    const seen = await view.shows({ 'tcp@10.0.0.1:1': '' })
    const { mark } = neighbour.received
    const gone = await view.shows({})
    expect(gone.at - seen.at).toBeGreaterThan(3_900)
    const asked = neighbour.received.since(mark).filter(({ questions }) => questions?.[0]?.type === 'TXT')
    // Each time by multicast, and from a port of its own.
    expect(asked.map(({ from }) => from.port === harness.port).sort()).toEqual([
      ...Array(4).fill(false),
      ...Array(4).fill(true),
    ])
  })

  test('whose list expires record by record, although all servers are well, fails no call', async () => {
    await using harness = new Harness()
    const servers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const server = harness.open(new Server({ lingerMs: 0 }))
        server.registerName('Arith', { Echo: (value: unknown) => value })
        await server.serve('tcp', '127.0.0.1:0')
        return server.address as string
      }),
    )
    const neighbour = await harness.neighbour()
    const announce = (ttl: (i: number) => number): void => {
      for (const [i, address] of servers.entries()) {
        neighbour.say([goText(`server${i}`, 'Arith', address, '', ttl(i))])
      }
    }
    const discovery = harness.discovery()
    const view = harness.view('Arith', discovery)
    await view.shows({})
    announce(i => 2 + Math.floor(i / 5))
    await view.until(list => Object.keys(list).length === servers.length)
    const client = harness.client('Arith', discovery)
    const losses: unknown[] = []
    client.on('shrunk', loss => losses.push(loss))
    let isOver = false
    const failures: unknown[] = []
    const calling = (async () => {
      for (let n = 0; !isOver; n++) {
        await client.call('Echo', n).catch(error => failures.push(error))
        await new Promise(resolve => setImmediate(resolve))
      }
    })()
    const { mark } = view
    await view.shows({})
    expect(view.since(mark).length).toBeGreaterThan(1)
    announce(() => 120)
    await view
      .until(list => Object.keys(list).length === servers.length, mark)
      .finally(() => {
        isOver = true
      })
    await calling
    expect(failures).toEqual([])
    expect(losses).toHaveLength(1)
  })

  test('asks for an announcement that a probe promised, until it comes', async () => {
    await using harness = new Harness()
    const view = harness.view('Arith')
    await view.shows({})
    const neighbour = await harness.neighbour()
    const text = goText('late', 'Arith', 'tcp@10.0.0.1:1', 'n=1')
    const probedAt = performance.now()
    neighbour.ask(text.name, 'ANY', { authorities: [text] })
    const isQuestion = ({ type, questions, authorities, from }: ReceivedPacket): boolean =>
      type === 'query' &&
      authorities?.length === 0 &&
      questions?.[0]?.name === text.name &&
      from.port !== harness.port
    let { mark } = neighbour.received
    for (const promised of [500, 700, 900]) {
      const asked = await neighbour.received.until(isQuestion, mark)
      mark = neighbour.received.all.indexOf(asked.what) + 1
      // Not before the announcement is overdue.
      expect(asked.at - probedAt).toBeGreaterThan(340)
      atMost(promised, 'probe, asked for', asked.at - probedAt)
    }
    neighbour.say([text])
    await view.shows({ 'tcp@10.0.0.1:1': 'n=1' })
  })

  test('asks for a record after four fifths of its TTL, and keeps it when the answer comes', async () => {
    await using harness = new Harness()
    const view = harness.view('Arith')
    await view.shows({})
    const neighbour = await harness.neighbour()
    const text = goText('living', 'Arith', 'tcp@10.0.0.1:1', '', 3)
    neighbour.say([text])
    const seen = await view.shows({ 'tcp@10.0.0.1:1': '' })
    let from = neighbour.received.mark
    for (let turn = 0; turn < 3; turn++) {
      const asked = await neighbour.received.until(({ questions }) => questions?.[0]?.type === 'TXT', from)
      from = neighbour.received.mark
      neighbour.say([text])
      if (turn === 0) expect(asked.at - seen.at).toBeGreaterThan(2_300)
    }
    expect(view.all).toEqual([{}, { 'tcp@10.0.0.1:1': '' }])
  })

  test('ignores an entry that is not a server, and reports it once', async () => {
    await using harness = new Harness()
    const discovery = harness.discovery()
    const ignored: string[] = []
    discovery.on('entryIgnored', ({ address }) => ignored.push(address))
    const view = harness.view('Arith', discovery)
    await view.shows({})
    const neighbour = await harness.neighbour()
    neighbour.say([goText('bad', 'Arith', 'tcp@', 'n=1'), goText('none', 'Arith', '', '')])
    neighbour.say([goText('good', 'Arith', 'tcp@10.0.0.1:1', 'rate=50%')])
    await view.shows({ 'tcp@10.0.0.1:1': 'rate=50%' })
    neighbour.say([goText('bad', 'Arith', 'tcp@', 'n=2'), goText('last', 'Arith', 'tcp@10.0.0.2:1', '')])
    await view.shows({ 'tcp@10.0.0.1:1': 'rate=50%', 'tcp@10.0.0.2:1': '' })
    expect(ignored.sort()).toEqual(['', 'tcp@'])
  })
})

/** Returns the TXT record of the instance in a packet. */
function textOf({ answers = [], additionals = [] }: ReceivedPacket): TxtAnswer | undefined {
  const isText = (answer: Answer): answer is TxtAnswer =>
    answer.type === 'TXT' && answer.name.endsWith('._rpcxservices.local')
  return [...answers, ...additionals].find(isText)
}

type TxtAnswer = Extract<Answer, { type: 'TXT' }>
