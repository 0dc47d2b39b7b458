import { hostname } from 'node:os'
import { until } from '@rpcx/testing'
import { expect, test } from 'vitest'
import { Harness } from './harness.ts'
import type { Answer, ReceivedPacket } from './neighbour.ts'
import { goText } from './neighbour.ts'

const GO_TYPE = '_rpcxservices.local'
const HOST = (hostname().split('.')[0] ?? '').replace(/[^A-Za-z0-9-]/g, '-').slice(0, 16)

test('a name is probed three times, 250 ms apart, before it is used', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  await harness.member('Arith')
  const isProbe = ({ type, authorities = [] }: ReceivedPacket): boolean =>
    type === 'query' && authorities.length > 0
  const [first, second, third] = [0, 1, 2].map(
    n => neighbour.received.all.filter(isProbe)[n] as ReceivedPacket,
  )
  expect(third?.questions?.map(({ type }) => type)).toEqual(['ANY', 'ANY'])
  expect(third?.authorities?.map(({ type }) => type)).toEqual(['SRV', 'TXT', 'SRV'])
  const at = async (packet: ReceivedPacket | undefined): Promise<number> =>
    (await neighbour.received.until(one => one === packet)).at
  expect((await at(second)) - (await at(first))).toBeGreaterThan(150)
  const announced = await neighbour.received.until(({ type }) => type === 'response')
  expect(announced.at - (await at(third))).toBeGreaterThan(150)
})

test('a name is announced at once, again after a second, and two seconds later', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  await harness.member('Arith')
  const isAnnouncement = ({ type, answers }: ReceivedPacket): boolean =>
    type === 'response' && answers?.[1]?.type === 'SRV'
  const at: number[] = []
  for (let mark = 0; at.length < 3; ) {
    const announced = await neighbour.received.until(isAnnouncement, mark)
    mark = neighbour.received.all.indexOf(announced.what) + 1
    at.push(announced.at)
  }
  const [first = 0, second = 0, third = 0] = at
  expect(second - first).toBeGreaterThan(900)
  expect(third - second).toBeGreaterThan(1_900)
})

test('a server whose name is in use takes the next one', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  const port = harness.port + 1
  const taken = `${HOST}-${port}-Arith`
  // Answers every probe for the name.
  const defending = neighbour.received.until(({ type, authorities }) => {
    const wants =
      type === 'query' && authorities?.some(({ name }: { name: string }) => name.startsWith(`${taken}.`))
    if (wants) neighbour.say([goText(taken, 'Arith', `tcp@10.0.0.9:${port}`, 'is=other')])
    return wants === true
  })
  const { address } = await harness.member('Arith', { listen: `127.0.0.1:${port}`, metadata: 'is=ours' })
  await defending
  await until(() => neighbour.answers(({ name }) => isNext(name, taken)).length > 0)
  await harness.view('Arith').shows({ [address]: 'is=ours' })
})

test('a server that loses a conflict for its name takes another one, and stays listed', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  const port = harness.port + 1
  const { address } = await harness.member('Arith', { listen: `127.0.0.1:${port}`, metadata: 'is=ours' })
  const view = harness.view('Arith')
  await view.shows({ [address]: 'is=ours' })
  const taken = `${HOST}-${port}-Arith`
  const other = goText(taken, 'Arith', `tcp@10.0.0.9:${port}`, 'is=other')
  neighbour.say([other])
  void neighbour.received
    .until(({ type, authorities }) => {
      if (type === 'query' && authorities?.length) neighbour.say([other])
      return false
    }, neighbour.received.mark)
    .catch(() => {})
  await view.shows({ [address]: 'is=ours', [`tcp@10.0.0.9:${port}`]: 'is=other' })
  await until(() => neighbour.answers(({ name }) => isNext(name, taken)).length > 0)
})

test('two servers that probe for one name at the same time get one each', async () => {
  await using harness = new Harness()
  // The same host, port and service: only the addresses differ.
  const port = harness.port + 1
  const members = await Promise.all(
    [1, 2].map(n =>
      harness.member('Arith', { serviceAddress: `tcp@10.0.0.${n}:${port}`, metadata: `n=${n}` }),
    ),
  )
  const entries = Object.fromEntries(members.map(({ address }, i) => [address, `n=${i + 1}`]))
  await harness.view('Arith').shows(entries)
  const neighbour = await harness.neighbour()
  await until(() => {
    neighbour.ask(GO_TYPE, 'PTR')
    const names = neighbour.received.all.flatMap(({ answers = [] }) =>
      answers.flatMap(answer => (answer.type === 'PTR' && answer.name === GO_TYPE ? [answer.data] : [])),
    )
    const labels = [...new Set(names)].map(name => name.split('.')[0]).sort()
    const [first, second] = labels
    return labels.length === 2 && first === `${HOST}-${port}-Arith` && isNext(`${second}.${GO_TYPE}`, first)
  })
})

test('a server announces itself again when another host sends a goodbye for its name', async () => {
  await using harness = new Harness()
  const neighbour = await harness.neighbour()
  const { address } = await harness.member('Arith', { metadata: 'n=1' })
  const view = harness.view('Arith')
  await view.shows({ [address]: 'n=1' })
  const isAnnouncement = ({ type, answers }: ReceivedPacket): boolean =>
    type === 'response' && answers?.[0]?.type === 'PTR'
  const { what: packet } = await neighbour.received.until(isAnnouncement)
  const [pointer, server] = (packet.answers ?? []).map(answer => ({ ...answer, ttl: 0 }) as Answer)
  const { mark } = neighbour.received
  neighbour.say([pointer as Answer, server as Answer])
  const again = await neighbour.received.until(
    received => isAnnouncement(received) && received.answers?.[2]?.type === 'TXT',
    mark,
  )
  expect(again.what.answers?.[0]).toMatchObject({ ttl: 120 })
  expect(view.all).toEqual([{ [address]: 'n=1' }])
})

/** Whether this is the next name of a server whose first name is in use. */
function isNext(name: string, first: string): boolean {
  return name.startsWith(`${first}-`) && /^-[0-9a-f]{4}\._rpcxservices\.local$/.test(name.slice(first.length))
}
