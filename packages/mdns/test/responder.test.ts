import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@rpcx/testing'
import { expect, test } from 'vitest'
import { Harness } from './harness.ts'
import type { Answer, ReceivedPacket } from './neighbour.ts'
import { Neighbour } from './neighbour.ts'

const GO_TYPE = '_rpcxservices.local'
const TOOL_TYPE = '_rpcx._tcp.local'

test('a standard mDNS tool finds a server by its type, by its subtype, and its type by the query for all types', async () => {
  await using harness = new Harness()
  await harness.member('Arith', { metadata: 'weight=10' })
  const neighbour = await harness.neighbour()
  for (const name of [TOOL_TYPE, `_Arith._sub.${TOOL_TYPE}`]) {
    const packet = await answerTo(neighbour, name, 'PTR')
    const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])]
    const pointer = records.find(answer => answer.name === name)
    const instance = pointer?.type === 'PTR' ? pointer.data : ''
    const text = records.find(answer => answer.type === 'TXT' && answer.name === instance)
    const strings = (text?.type === 'TXT' ? (text.data as Buffer[]) : []).map(String)
    expect(strings.slice(0, 2)).toEqual(['txtvers=1', 'service=Arith'])
    expect(strings.at(-1)).toBe('weight=10')
    expect(records.some(answer => answer.type === 'SRV' && answer.name === instance)).toBe(true)
    expect(records.some(answer => answer.type === 'A')).toBe(true)
  }
  const types = await answerTo(neighbour, '_services._dns-sd._udp.local', 'PTR')
  const found = types.answers?.map(answer => (answer.type === 'PTR' ? answer.data : ''))
  expect(found?.sort()).toEqual([TOOL_TYPE, GO_TYPE].sort())
})

test('a question for a record type that one of our names lacks is answered with the types that it has', async () => {
  await using harness = new Harness()
  await harness.member('Arith')
  const neighbour = await harness.neighbour()
  const { answers, additionals } = await answerTo(neighbour, GO_TYPE, 'PTR')
  const records = [...(answers ?? []), ...(additionals ?? [])]
  const service = records.find(({ type }) => type === 'SRV')
  const target = service?.type === 'SRV' ? service.data.target : ''
  const instance = service?.name ?? ''
  const addresses = records.filter(({ name }) => name === target).map(({ type }) => type)
  for (const [name, asked, rrtypes] of [
    [target, 'TXT', addresses],
    [instance, 'A', ['TXT', 'SRV']],
    [instance.replace(GO_TYPE, TOOL_TYPE), 'HINFO', ['TXT', 'SRV']],
  ] as const) {
    const packet = await answerTo(neighbour, name, asked)
    expect(packet.answers).toEqual([
      { type: 'NSEC', name, class: 'IN', flush: true, ttl: 120, data: { nextDomain: name, rrtypes } },
    ])
  }
})

test('names are compared without regard to case', async () => {
  await using harness = new Harness()
  await harness.member('Arith')
  const neighbour = await harness.neighbour()
  await answerTo(neighbour, GO_TYPE.toUpperCase(), 'PTR', GO_TYPE)
})

test('a question from another port gets a unicast response, with the question and a short TTL', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  await harness.member('Arith')
  const legacy = harness.open(await Neighbour.alone(harness.port, harness.port + 1))
  await quiet(neighbour)
  const { mark } = neighbour.received
  legacy.ask(GO_TYPE, 'PTR', { id: 4711 })
  const { what: packet } = await legacy.received.until(({ type }) => type === 'response')
  expect(packet.id).toBe(4711)
  expect(packet.questions).toEqual([{ name: GO_TYPE, type: 'PTR', class: 'IN' }])
  const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])]
  expect(records.map(({ type }) => type).slice(0, 4)).toEqual(['PTR', 'SRV', 'TXT', 'A'])
  for (const record of records) expect(record).toMatchObject({ ttl: 10, flush: false })
  // A multicast response would come before this answer.
  await answerTo(neighbour, '_services._dns-sd._udp.local', 'PTR')
  expect(neighbour.answers(isPointer(GO_TYPE), mark)).toEqual([])
})

test('a question for a unicast response gets one, and the other hosts do not', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  await harness.member('Arith')
  const alone = harness.open(await Neighbour.alone(harness.port, harness.port))
  await quiet(neighbour)
  const { mark } = neighbour.received
  // The library cannot write this class, so the test sends bytes.
  await alone.send(questionBytes(GO_TYPE, 0x8001))
  const { what: packet } = await alone.received.until(({ type }) => type === 'response')
  expect(packet.answers?.map(({ type }) => type)).toEqual(['PTR'])
  expect(packet.answers?.[0]).toMatchObject({ ttl: 120 })
  await answerTo(neighbour, '_services._dns-sd._udp.local', 'PTR')
  expect(neighbour.answers(isPointer(GO_TYPE), mark)).toEqual([])
})

test('known answers are left out of the response, whether they come in one packet or in two', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  await harness.member('Arith')
  await harness.member('Echo')
  await quiet(neighbour)
  const names = new Set(pointersOf(neighbour.answers(isPointer(GO_TYPE))))
  expect(names.size).toBe(2)
  const [arith = '', echo = ''] = [...names].sort(
    (a, b) => Number(b.endsWith('Arith')) - Number(a.endsWith('Arith')),
  )
  const known = (data: string, ttl: number): Answer => ({
    type: 'PTR',
    name: GO_TYPE,
    class: 'IN',
    ttl,
    data,
  })
  const first = neighbour.received.mark
  neighbour.ask(GO_TYPE, 'PTR', { answers: [known(arith, 100), known(echo, 59)] })
  await neighbour.received.until(({ type }) => type === 'response', first)
  expect(pointersOf(neighbour.answers(isPointer(GO_TYPE), first))).toEqual([echo])
  const second = neighbour.received.mark
  neighbour.ask(GO_TYPE, 'PTR', { flags: 0x0200 })
  neighbour.ask(GO_TYPE, 'PTR', { questions: [], answers: [known(echo, 100)] })
  await neighbour.received.until(({ type }) => type === 'response', second)
  expect(pointersOf(neighbour.answers(isPointer(GO_TYPE), second))).toEqual([arith])
})

test('no record is multicast twice within a second, however many questions come', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  await harness.member('Arith')
  await quiet(neighbour)
  const { mark } = neighbour.received
  neighbour.ask(GO_TYPE, 'PTR')
  const first = await neighbour.received.until(({ type }) => type === 'response', mark)
  while (performance.now() < first.at + 1_100) {
    neighbour.ask(GO_TYPE, 'PTR')
    await sleep(50)
  }
  const next = await neighbour.received.until(
    packet => packet !== first.what && packet.type === 'response',
    mark,
  )
  expect(next.at - first.at).toBeGreaterThan(900)
  expect(neighbour.answers(isPointer(GO_TYPE), mark)).toHaveLength(2)
})

test('every response has a TXT record, because Go’s client would crash without it', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  const { server } = await harness.member('Arith')
  for (const type of ['SRV', 'TXT', 'ANY', 'PTR']) neighbour.ask(GO_TYPE, type)
  await quiet(neighbour)
  const { mark } = neighbour.received
  neighbour.ask(GO_TYPE, 'ANY')
  await neighbour.received.until(({ type }) => type === 'response', mark)
  await server.setMetadata('Arith', 'weight=2')
  await server.close()
  const said = neighbour.answers(isPointer(GO_TYPE))
  expect(said.length).toBeGreaterThan(4)
  for (const packet of said) {
    const records = [...(packet.answers ?? []), ...(packet.additionals ?? [])]
    for (const pointer of pointersOf([packet])) {
      expect(records.some(({ type, name }) => type === 'TXT' && name === pointer)).toBe(true)
    }
  }
})

function isPointer(of: string): (answer: Answer) => boolean {
  return ({ type, name }) => type === 'PTR' && name === of
}

function pointersOf(packets: readonly ReceivedPacket[]): string[] {
  return packets.flatMap(({ answers = [] }) =>
    answers.flatMap(answer => (answer.type === 'PTR' && answer.name === GO_TYPE ? [answer.data] : [])),
  )
}

/** Resolves to the first packet after the question that has an answer for a name. */
async function answerTo(
  neighbour: Neighbour,
  name: string,
  type: string,
  as = name,
): Promise<ReceivedPacket> {
  const isAnswer = (packet: ReceivedPacket): boolean =>
    packet.type === 'response' && (packet.answers ?? []).some(answer => answer.name === as)
  for (;;) {
    const { mark } = neighbour.received
    neighbour.ask(name, type)
    // Records that were just multicast are not repeated within a second.
    const answer = await neighbour.received.until(isAnswer, mark, 1_000).catch(() => undefined)
    if (answer !== undefined) return answer.what
  }
}

/** Resolves when the last of three announcements of each server is more than a second old. */
async function quiet(neighbour: Neighbour): Promise<void> {
  const announcements = (): ReceivedPacket[] =>
    neighbour.answers(isPointer(GO_TYPE)).filter(({ answers }) => answers?.[1]?.type === 'SRV')
  await until(() => {
    const names = pointersOf(announcements())
    return (
      names.length > 0 && [...new Set(names)].every(name => names.filter(other => other === name).length >= 3)
    )
  })
  await sleep(1_050)
}

function questionBytes(name: string, of: number): Buffer {
  const labels = name.split('.').flatMap(label => [Buffer.of(label.length), Buffer.from(label)])
  const head = Buffer.from('000000000001000000000000', 'hex')
  return Buffer.concat([head, ...labels, Buffer.of(0, 0, 12, of >> 8, of & 0xff)])
}
