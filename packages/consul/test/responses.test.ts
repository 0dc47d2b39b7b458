import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { atMost, eventsOfDiscovery } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answer } from './fault-proxy.ts'
import { Front, saying } from './fault-proxy.ts'
import { Harness } from './harness.ts'

const PAGE = '<html>\n<head><title>Bad Gateway</title></head>\n</html>'

describe.runIf(await requireServer('consul'))('An agent that responds', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  const isList = (path: string): boolean => path.includes('recurse')
  const unhelpful: readonly (readonly [string, Answer, string])[] = [
    ['that there is no leader', saying(500, 'No cluster leader'), '500 No cluster leader'],
    [
      'with a longer reason than the library passes on',
      saying(500, `rpc error making call: ${'x'.repeat(80)}\nand so on`),
      `500 rpc error making call: ${'x'.repeat(80)}`,
    ],
    ['that permission is denied', saying(403, 'Permission denied'), '403 Permission denied'],
    [
      'that it gets too many requests',
      saying(429, 'Your IP is issuing too many requests'),
      '429 Your IP is issuing',
    ],
    ['with the error page of a gateway', saying(502, PAGE, 'text/html'), '502 <html>'],
    ['with a web page and status 200', saying(200, PAGE, 'text/html'), "200, which is not Consul's answer"],
    ['with a web page and status 404', saying(404, PAGE, 'text/html'), "404, which is not Consul's answer"],
    ['with half a list', saying(200, '[{"Key":', 'application/json'), 'Unexpected end of JSON input'],
  ]
  test.each(unhelpful)('%s: the list stays, and the error says why', async (_what, answer, said) => {
    await using harness = new Harness(consul)
    const { raw } = harness
    const front = harness.open(await Front.open(consul.address))
    await raw.put(harness.key('Arith', 'tcp@10.0.0.1:1'), 'n=1')
    const discovery = harness.discovery({ consulServers: front.address })
    const events = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    await view.shows({ 'tcp@10.0.0.1:1': 'n=1' })
    front.answer(answer, isList)
    // The first failure is the connection that was reset.
    await events.until(({ event }) => event === 'registryDown')
    const error = await untilLastErrorSays(() => discovery.status('Arith').lastError, said)
    expect(error).toMatchObject({
      name: 'RpcxError',
      code: said.startsWith('403') ? 'ERR_RPCX_AUTH' : 'ERR_RPCX_REGISTRY',
      message: expect.stringContaining(`consul ${front.address}: read `),
    })
    expect(discovery.status('Arith').state).toBe('stale')
    front.heal()
    await raw.put(harness.key('Arith', 'tcp@10.0.0.1:1'), 'n=2')
    await view.shows({ 'tcp@10.0.0.1:1': 'n=2' })
    expect(view.all).toEqual([{ 'tcp@10.0.0.1:1': 'n=1' }, { 'tcp@10.0.0.1:1': 'n=2' }])
  })

  test.each(['reset', 'ended'] as const)(
    'with half a response, after which the connection is %s, is noticed at once',
    async how => {
      await using harness = new Harness(consul)
      const front = harness.open(await Front.open(consul.address))
      front.answer(response => {
        response.writeHead(200, {
          'content-type': 'application/json',
          'x-consul-index': '7',
          'content-length': 1_000,
        })
        response.write('[')
        setTimeout(() => {
          if (how === 'reset') response.socket?.resetAndDestroy()
          else response.socket?.end()
        }, 20)
      }, isList)
      const discovery = harness.discovery({ consulServers: front.address })
      const events = eventsOfDiscovery(discovery)
      const since = performance.now()
      discovery.list('Arith').catch(() => {})
      const down = await events.until(({ event }) => event === 'registryDown')
      atMost(500, `an answer whose connection is ${how} is noticed`, down.at - since)
    },
  )

  test('at once to a blocking query is asked at most four times a second', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Front.open(consul.address))
    let index = 0
    front.answer(
      (response, { url = '' }) => {
        // Alternately, the response says that something has changed and that nothing has.
        index += url.includes('index=') ? index % 2 : 1
        response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': String(10 + index) })
        response.end('[]')
      },
      path => isList(path) || path.includes('index='),
    )
    const discovery = harness.discovery({ consulServers: front.address })
    await discovery.list('Arith')
    await sleep(3_000)
    const before = front.questions
    await sleep(4_000)
    // An empty list is read twice.
    expect(front.questions - before).toBeLessThanOrEqual(2 * 4 * 4 + 4)
    expect(front.questions - before).toBeGreaterThan(8)
  })

  test('with an index that went back is asked again without an index', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Front.open(consul.address))
    const asked: (string | null)[] = []
    // As after a restore: a query with an old index would wait until the store has caught up.
    const indexes = [100, 50]
    front.answer((response, { url = '' }) => {
      const index = new URL(url, 'http://consul').searchParams.get('index')
      asked.push(index)
      const next = indexes[asked.length - 1]
      const item = {
        Key: harness.key('Arith', `tcp@10.0.0.1:${asked.length}`),
        Value: '',
        Flags: 0,
        ModifyIndex: 1,
      }
      if (next === undefined && index !== null) return
      response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': String(next ?? 51) })
      response.end(JSON.stringify([item]))
    }, isList)
    const view = harness.view('Arith', harness.discovery({ consulServers: front.address }))
    await view.shows({ 'tcp@10.0.0.1:3': '' })
    expect(asked.slice(0, 3)).toEqual([null, '100', null])
  })
})

async function untilLastErrorSays(last: () => Error | undefined, said: string): Promise<Error> {
  const end = performance.now() + 12_000
  for (;;) {
    const error = last()
    if (error?.message.includes(said)) return error
    if (performance.now() > end) throw new Error(`last was ${error?.message}`)
    await sleep(20)
  }
}
