import { hostname } from 'node:os'
import { until } from '@rpcx/testing'
import { expect, test } from 'vitest'
import type { Answer, Heard } from './neighbour.ts'
import { goText } from './neighbour.ts'
import { Stage } from './stage.ts'

const GO_TYPE = '_rpcxservices.local'
const HOST = (hostname().split('.')[0] ?? '').replace(/[^A-Za-z0-9-]/g, '-').slice(0, 16)

test('a name is probed three times, 250 ms apart, before it is used', async () => {
  await using stage = new Stage()
  const neighbour = await stage.neighbour()
  await stage.member('Arith')
  const isProbe = ({ type, authorities = [] }: Heard): boolean => type === 'query' && authorities.length > 0
  const [first, second, third] = [0, 1, 2].map(n => neighbour.heard.all.filter(isProbe)[n] as Heard)
  expect(third?.questions?.map(({ type }) => type)).toEqual(['ANY', 'ANY'])
  expect(third?.authorities?.map(({ type }) => type)).toEqual(['SRV', 'TXT', 'SRV'])
  const at = async (packet: Heard | undefined): Promise<number> =>
    (await neighbour.heard.until(one => one === packet)).at
  expect((await at(second)) - (await at(first))).toBeGreaterThan(150)
  const announced = await neighbour.heard.until(({ type }) => type === 'response')
  expect(announced.at - (await at(third))).toBeGreaterThan(150)
})

test('a name is announced at once, again after a second, and two seconds later', async () => {
  await using stage = new Stage()
  const neighbour = await stage.neighbour()
  await stage.member('Arith')
  const isAnnouncement = ({ type, answers }: Heard): boolean =>
    type === 'response' && answers?.[1]?.type === 'SRV'
  const at: number[] = []
  for (let mark = 0; at.length < 3; ) {
    const announced = await neighbour.heard.until(isAnnouncement, mark)
    mark = neighbour.heard.all.indexOf(announced.what) + 1
    at.push(announced.at)
  }
  const [first = 0, second = 0, third = 0] = at
  expect(second - first).toBeGreaterThan(900)
  expect(third - second).toBeGreaterThan(1_900)
})

test('a server whose name is in use takes the next one', async () => {
  await using stage = new Stage()
  const neighbour = await stage.neighbour()
  const port = stage.port + 1
  const taken = `${HOST}-${port}-Arith`
  // Whoever asks for it is told.
  const defending = neighbour.heard.until(({ type, authorities }) => {
    const wants =
      type === 'query' && authorities?.some(({ name }: { name: string }) => name.startsWith(`${taken}.`))
    if (wants) neighbour.say([goText(taken, 'Arith', `tcp@10.0.0.9:${port}`, 'is=other')])
    return wants === true
  })
  const { address } = await stage.member('Arith', { listen: `127.0.0.1:${port}`, metadata: 'is=ours' })
  await defending
  await until(() => neighbour.answers(({ name }) => isNext(name, taken)).length > 0)
  await stage.view('Arith').shows({ [address]: 'is=ours' })
})

test('a server that loses a conflict for its name takes another one, and stays listed', async () => {
  await using stage = new Stage()
  const neighbour = await stage.neighbour()
  const port = stage.port + 1
  const { address } = await stage.member('Arith', { listen: `127.0.0.1:${port}`, metadata: 'is=ours' })
  const view = stage.view('Arith')
  await view.shows({ [address]: 'is=ours' })
  const taken = `${HOST}-${port}-Arith`
  const other = goText(taken, 'Arith', `tcp@10.0.0.9:${port}`, 'is=other')
  neighbour.say([other])
  void neighbour.heard
    .until(({ type, authorities }) => {
      if (type === 'query' && authorities?.length) neighbour.say([other])
      return false
    }, neighbour.heard.mark)
    .catch(() => {})
  await view.shows({ [address]: 'is=ours', [`tcp@10.0.0.9:${port}`]: 'is=other' })
  await until(() => neighbour.answers(({ name }) => isNext(name, taken)).length > 0)
})

test('two servers that probe for one name at the same time get one each', async () => {
  await using stage = new Stage()
  // The same host, port and service: only the addresses differ.
  const port = stage.port + 1
  const members = await Promise.all(
    [1, 2].map(n => stage.member('Arith', { serviceAddress: `tcp@10.0.0.${n}:${port}`, metadata: `n=${n}` })),
  )
  const entries = Object.fromEntries(members.map(({ address }, i) => [address, `n=${i + 1}`]))
  await stage.view('Arith').shows(entries)
  const neighbour = await stage.neighbour()
  await until(() => {
    neighbour.ask(GO_TYPE, 'PTR')
    const names = neighbour.heard.all.flatMap(({ answers = [] }) =>
      answers.flatMap(answer => (answer.type === 'PTR' && answer.name === GO_TYPE ? [answer.data] : [])),
    )
    const labels = [...new Set(names)].map(name => name.split('.')[0]).sort()
    const [first, second] = labels
    return labels.length === 2 && first === `${HOST}-${port}-Arith` && isNext(`${second}.${GO_TYPE}`, first)
  })
})

test('a server announces itself again when another host sends a goodbye for its name', async () => {
  await using stage = new Stage()
  const neighbour = await stage.neighbour()
  const { address } = await stage.member('Arith', { metadata: 'n=1' })
  const view = stage.view('Arith')
  await view.shows({ [address]: 'n=1' })
  const isAnnouncement = ({ type, answers }: Heard): boolean =>
    type === 'response' && answers?.[0]?.type === 'PTR'
  const { what: packet } = await neighbour.heard.until(isAnnouncement)
  const [pointer, server] = (packet.answers ?? []).map(answer => ({ ...answer, ttl: 0 }) as Answer)
  const { mark } = neighbour.heard
  neighbour.say([pointer as Answer, server as Answer])
  const again = await neighbour.heard.until(
    heard => isAnnouncement(heard) && heard.answers?.[2]?.type === 'TXT',
    mark,
  )
  expect(again.what.answers?.[0]).toMatchObject({ ttl: 120 })
  expect(view.all).toEqual([{ [address]: 'n=1' }])
})

/** The name that a server takes whose first is another's. */
function isNext(name: string, first: string): boolean {
  return name.startsWith(`${first}-`) && /^-[0-9a-f]{4}\._rpcxservices\.local$/.test(name.slice(first.length))
}
