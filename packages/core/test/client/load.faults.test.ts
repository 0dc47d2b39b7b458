import { setTimeout as sleep } from 'node:timers/promises'
import type { XClient } from '@rpcx/core'
import { expect, test } from 'vitest'
import { atMost, median } from '../../../../tools/testing/src/at-most.ts'
import { blackHole } from '../black-hole.ts'
import { clientOf, closing, failure } from '../helpers.ts'
import { Program } from '../program.ts'

interface Any {
  method(args?: unknown): unknown
}

interface Outcome {
  readonly tookMs: number
  readonly endpoint: string | undefined
  readonly error: (Error & { readonly code?: string }) | undefined
}

/** Starts servers in another process. */
async function startServers(count: number): Promise<{ program: Program; addresses: readonly string[] }> {
  const program = closing(new Program('many-servers', String(count)))
  return { program, addresses: JSON.parse(await program.line(0)) }
}

/** Makes this many calls per second, whatever their results, and returns the results. */
async function load(client: XClient<Any>, perSecond: number, ms: number): Promise<Outcome[]> {
  const calls: Promise<Outcome>[] = []
  const start = performance.now()
  for (let elapsed = 0; elapsed < ms; elapsed = performance.now() - start) {
    while (calls.length < (elapsed * perSecond) / 1_000) calls.push(timed(client, calls.length))
    await sleep(2)
  }
  return Promise.all(calls)
}

async function timed(client: XClient<Any>, i: number): Promise<Outcome> {
  const start = performance.now()
  const took = (): number => performance.now() - start
  return client.invoke('method', i, { timeoutMs: 1_000 }).then(
    ({ endpoint }) => ({ tookMs: took(), endpoint, error: undefined }),
    (error: Error) => ({ tookMs: took(), endpoint: undefined, error }),
  )
}

function p99(outcomes: readonly Outcome[]): number {
  const times = outcomes.map(({ tookMs }) => tookMs).sort((a, b) => a - b)
  return times[Math.floor(times.length * 0.99)] as number
}

test('one dead and one hanging server of 50 fail no other call under 5 000 calls/s, and slow none down', async () => {
  const { addresses } = await startServers(48)
  const ratios: number[] = []
  // Other load of the machine makes a few rounds slower or faster, not most of them.
  for (let round = 0; round < 5; round++) ratios.push(await loseTwo(addresses))
  atMost(1.2, 'p99 of the calls to the other servers', median(ratios), '× before')
})

/** Kills one server and stops another under load. Returns how many times as long as before the slowest calls to the others take. */
async function loseTwo(good: readonly string[]): Promise<number> {
  const [dying, hanging] = [await startServers(1), await startServers(1)]
  const bad = [...dying.addresses, ...hanging.addresses]
  const servers = [...good, ...bad].map(address => ({ address }))
  const client = clientOf<Any>('Any', servers, { selectMode: 'roundRobin', failMode: 'failover' })
  const out = new Set<string>()
  client.on('ejected', ({ endpoint }) => out.add(endpoint))
  await load(client, 5_000, 1_000)
  const before = await load(client, 5_000, 4_000)
  expect(before.filter(({ error }) => error !== undefined)).toEqual([])

  const after = load(client, 5_000, 4_000)
  await sleep(500)
  dying.program.kill()
  hanging.program.signal('SIGSTOP')
  const outcomes = await after
  const failed = outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]))
  const unexpected = failed.filter(({ message }) => !bad.some(address => message.includes(address)))
  expect(unexpected).toEqual([])
  expect([...out].sort()).toEqual([...bad].sort())
  hanging.program.signal('SIGCONT')
  await Promise.all([client.close(), hanging.program.close()])
  const served = outcomes.filter(({ endpoint }) => endpoint !== undefined && !bad.includes(endpoint))
  const times = `p99 ${p99(before).toFixed(2)} ms before, ${p99(served).toFixed(2)} ms after`
  console.info(`${outcomes.length} calls, ${failed.length} of them lost with the two servers; ${times}`)
  return p99(served) / p99(before)
}

test('a server that cannot be dialled slows down no calls to the other nine', async () => {
  const port = await blackHole()
  const { addresses } = await startServers(9)
  const servers = addresses.map(address => ({ address }))
  const bad = `tcp@127.0.0.1:${port}`
  const options = { selectMode: 'roundRobin', failMode: 'failover' } as const
  const alone = clientOf<Any>('Any', [{ address: bad }])
  expect(await failure(alone.call('method', 1, { timeoutMs: 200 }))).toMatchObject({
    code: 'ERR_RPCX_TIMEOUT',
  })
  await load(clientOf<Any>('Any', servers, options), 2_000, 2_000)
  const ratios: number[] = []
  for (let round = 0; round < 4; round++) {
    // All calls count, from the first dial on. Side by side, so that what else the machine does troubles both alike.
    const without = clientOf<Any>('Any', servers, options)
    const client = clientOf<Any>('Any', [{ address: bad }, ...servers], options)
    const order = round % 2 === 0 ? [without, client] : [client, without]
    const times = await Promise.all(order.map(each => load(each, 1_000, 5_000)))
    for (const outcomes of times) expect(outcomes.filter(({ error }) => error !== undefined)).toEqual([])
    const [first, second] = times.map(p99) as [number, number]
    ratios.push(round % 2 === 0 ? second / first : first / second)
    await Promise.all([client.close(), without.close()])
  }
  const [, low, high] = ratios.sort((a, b) => a - b) as [number, number, number, number]
  atMost(1.1, 'p99 with one server of ten that cannot be dialled', (low + high) / 2, '× without')
})
