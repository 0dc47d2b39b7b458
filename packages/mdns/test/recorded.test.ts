import { describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'
import type { ReceivedPacket } from './neighbour.ts'
import { goText } from './neighbour.ts'
import { recorded } from './recorded.ts'

/** The packets of which our client and Go's client list different servers. */
const differences: Readonly<
  Record<string, { readonly servers: Record<string, string>; readonly why: string }>
> = {
  'no-A': {
    servers: { 'tcp@127.0.0.1:18972': 'weight=10' },
    why: 'the address is in the text: the name of the host is not needed',
  },
  'no-SRV': {
    servers: { 'tcp@127.0.0.1:18972': 'weight=10' },
    why: 'as no-A',
  },
  'other-service': { servers: {}, why: 'Go’s client takes every service for the one it looks for' },
  'three-instances': {
    servers: { 'tcp@127.0.0.1:1': 'w=1', 'tcp@127.0.0.1:2': 'w=2' },
    why: 'as other-service: the third is of another one',
  },
  'meta-inherited': {
    servers: { 'tcp@127.0.0.1:1': 'w=1', 'tcp@127.0.0.1:2': '' },
    why: 'Go’s client gives a server without metadata those of the one before',
  },
  'plain-json': {
    servers: { 'tcp@127.0.0.1:18972': 'weight=10' },
    why: 'Go’s library puts a backslash before each quote, so that its client cannot read it',
  },
  'no-TXT': { servers: {}, why: 'Go’s client crashes' },
}

describe('What other servers sent to Go’s client', () => {
  test.each(recorded.writtenByHand)('is understood: $what', async ({ name, packets, clientSaw }) => {
    await using harness = new Harness()
    const neighbour = await harness.neighbour()
    const view = harness.view('Arith')
    await view.shows({})
    for (const packet of packets) await neighbour.send(Buffer.from(packet, 'hex'))
    // If it had been listed, it would have come before this one.
    neighbour.say([goText('last', 'Arith', 'tcp@127.0.0.1:9', 'is=last')])
    const servers =
      differences[name]?.servers ??
      Object.fromEntries((clientSaw ?? []).map(line => line.split(/ = ?/) as [string, string]))
    await view.shows({ ...servers, 'tcp@127.0.0.1:9': 'is=last' })
  })
})

describe('A server written in Go', () => {
  test('is listed after its announcement, with its new metrics, and removed by its goodbye', async () => {
    await using harness = new Harness()
    const neighbour = await harness.neighbour()
    const view = harness.view('Arith')
    await view.shows({})
    const say = async (conversation: keyof typeof recorded): Promise<void> => {
      if (conversation === 'writtenByHand') return
      for (const { from, hex } of recorded[conversation].packets) {
        if (from === 'go') await neighbour.send(Buffer.from(hex, 'hex'))
      }
    }
    await say('announce')
    await view.shows({ 'tcp@127.0.0.1:8972': 'weight=10' })
    await say('queries')
    await view.shows({ 'tcp@127.0.0.1:8972': 'calls=0.00&connections=0.00&weight=10' })
    await say('shutdown')
    await view.shows({})
    expect(view.all.map(list => Object.values(list))).toEqual([
      [],
      ['weight=10'],
      ['calls=0.00&connections=0.00&weight=10'],
      [],
    ])
  })

  test('is found by its answer to a question', async () => {
    await using harness = new Harness()
    const neighbour = await harness.neighbour()
    const view = harness.view('Arith')
    await neighbour.received.until(({ type }) => type === 'query')
    const browse = recorded.goClientBrowse.packets.find(({ from, hex }) => from === 'go' && hex.length > 500)
    await neighbour.send(Buffer.from(browse?.hex ?? '', 'hex'))
    await view.until(list => list['tcp@127.0.0.1:8972'] === 'calls=0.00&connections=0.00&weight=10')
  })
})

describe('A client written in Go', () => {
  test('gets a response to each question at once, because it listens only for a short time', async () => {
    await using harness = new Harness()
    await harness.member('Arith', { metadata: 'weight=10' })
    const neighbour = await harness.neighbour()
    const browse = recorded.goClientBrowse.packets.find(({ hex }) => hex.startsWith('8feb00000001'))
    const answered: number[] = []
    for (let turn = 0; turn < 5; turn++) {
      const { mark } = neighbour.received
      await neighbour.send(Buffer.from(browse?.hex ?? '', 'hex'))
      const isAnswer = ({ type, answers, additionals }: ReceivedPacket): boolean =>
        type === 'response' && answers?.[0]?.type === 'PTR' && additionals?.[1]?.type === 'TXT'
      answered.push((await neighbour.received.until(isAnswer, mark)).at)
    }
    expect((answered.at(-1) as number) - (answered[0] as number)).toBeLessThan(2_000)
  })

  test('gets a response that it accepts: one packet with all records of an instance', async () => {
    await using harness = new Harness()
    const { address } = await harness.member('Arith', { metadata: 'weight=10&group=g1' })
    await harness.member('Echo', { metadata: `note=${'x'.repeat(500)}&weight=3` })
    const neighbour = await harness.neighbour()
    const browse = recorded.goClientBrowse.packets.find(({ hex }) => hex.startsWith('8feb00000001'))
    const { mark } = neighbour.received
    await neighbour.send(Buffer.from(browse?.hex ?? '', 'hex'))
    const seen = new Map<string, string>()
    for (let from = mark; seen.size < 2; ) {
      const { what: packet } = await neighbour.received.until(({ type }) => type === 'response', from)
      from = neighbour.received.all.indexOf(packet) + 1
      const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])]
      for (const pointer of records) {
        if (pointer.type !== 'PTR' || pointer.name !== '_rpcxservices.local') continue
        const of = records.filter(({ name }) => name === pointer.data)
        const service = of.find(({ type }) => type === 'SRV')
        const text = of.find(({ type }) => type === 'TXT')
        const target = service?.type === 'SRV' ? service.data.target : ''
        expect(records.some(({ type, name }) => type === 'A' && name === target)).toBe(true)
        const [first] = (text?.type === 'TXT' ? text.data : []) as Buffer[]
        expect(first?.length).toBeLessThanOrEqual(255)
        const elements = JSON.parse(decodeURIComponent(String(first).replaceAll('+', ' ')))
        expect(elements).toHaveLength(1)
        expect(elements[0]).toHaveProperty('meta')
        seen.set(pointer.data, `${elements[0].service} ${elements[0].meta}`)
        if (elements[0].service === 'Arith') expect(elements[0].service_address).toBe(address)
      }
    }
    expect([...seen.values()].sort()).toEqual(['Arith weight=10&group=g1', 'Echo weight=3'])
  })
})
