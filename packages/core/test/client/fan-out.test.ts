import type { CallContext } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, keys, serving } from '../helpers.ts'
import { until } from '../until.ts'

interface Who {
  who(args?: unknown): unknown
}

/** Starts one server for each of these methods. */
async function servers(...methods: readonly Who['who'][]) {
  return Promise.all(methods.map(who => serving({ Who: { who } })))
}

const fails = (): never => {
  throw new Error('not here')
}

/** Returns a method that never ends, and a promise that resolves when its caller aborts. */
function endless(): { who: Who['who']; arrived: Gate } {
  const arrived = new Gate()
  const who = (): Promise<never> => {
    arrived.open()
    return new Promise(() => {})
  }
  return { arrived, who }
}

describe('broadcast', () => {
  test('calls every server once and resolves to all replies, in the order of addresses', async () => {
    const all = await servers(
      () => 'a',
      () => 'b',
      () => 'c',
    )
    const client = clientOf<Who>('Who', all)
    const invocations = await client.broadcast('who')
    expect(invocations.map(({ reply }) => reply).sort()).toEqual(['a', 'b', 'c'])
    const endpoints = invocations.map(({ endpoint }) => endpoint)
    expect(endpoints).toEqual(all.map(({ address }) => address).sort())
  })

  test('fails with the first failure, and aborts the other calls', async () => {
    const slow = endless()
    const client = clientOf<Who>('Who', await servers(slow.who, fails))
    const error = await failure(client.broadcast('who'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_SERVICE', message: 'not here' })
    await until(() => client.snapshot().endpoints.every(({ inFlight }) => inFlight === 0))
  })

  test('does not call a server in back-off, and fails at once', async () => {
    const gone = await BareServer.listen()
    await gone.close()
    const [good] = await servers(() => 'good')
    const client = clientOf<Who>('Who', [gone, good as { address: string }])
    await failure(client.broadcast('who'))
    const error = await failure(client.broadcast('who'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
    expect(error.message).toMatch(`${gone.address} is in back-off`)
  })

  test('waits for the list within its deadline', async () => {
    const discovery = closing(new MultipleServersDiscovery([{ key: 'memu@none' }]))
    discovery.update([])
    const client = clientOf<Who>('Who', discovery, { waitForReady: true })
    expect(await failure(client.broadcast('who', 1, { timeoutMs: 20 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
    })
    const waiting = client.broadcast('who')
    discovery.update(keys(await servers(() => 'late')))
    expect(await waiting).toMatchObject([{ reply: 'late' }])
    const hasty = clientOf<Who>('Who', closing(new MultipleServersDiscovery([{ key: 'memu@none' }])))
    expect(await failure(hasty.broadcast('who', 1, { timeoutMs: 50 }))).toMatchObject({
      code: 'ERR_RPCX_UNAVAILABLE',
    })
  })

  test('ends at its deadline, and with its signal', async () => {
    const slow = endless()
    const client = clientOf<Who>('Who', await servers(() => 1, slow.who))
    expect(await failure(client.broadcast('who', 1, { timeoutMs: 30 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
    })
    const abort = new AbortController()
    const given = failure(client.broadcast('who', 1, { signal: abort.signal }))
    await slow.arrived.opened
    abort.abort()
    expect(await given).toBe(abort.signal.reason)
  })
})

describe('fork', () => {
  test('resolves to the first reply, and aborts the other calls', async () => {
    const slow = endless()
    const client = clientOf<Who>('Who', await servers(slow.who, fails, () => 'quick'))
    expect(await client.fork('who')).toBe('quick')
    await until(() => client.snapshot().endpoints.every(({ inFlight }) => inFlight === 0))
  })

  test('fails when all servers fail, with the error of each', async () => {
    const all = await servers(fails, fails)
    const error = await failure(clientOf<Who>('Who', all).fork('who'))
    expect(error).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
      message: 'Who.who: failed at all 2 servers: not here',
      attempts: all
        .map(({ address }) => ({ endpoint: address, error: { message: 'not here' } }))
        .sort((a, b) => ((a.endpoint as string) < (b.endpoint as string) ? -1 : 1)),
    })
  })
})

describe('inform', () => {
  test('yields each result as it comes', async () => {
    const gate = new Gate<string>()
    const client = clientOf<Who>(
      'Who',
      await servers(
        fails,
        () => 'first',
        () => gate.opened,
      ),
    )
    const seen: unknown[] = []
    for await (const result of client.inform('who')) {
      seen.push(result.status === 'fulfilled' ? result.reply : (result.reason as Error).message)
      if (seen.length === 2) gate.open('last')
    }
    expect(seen.slice(0, 2).sort()).toEqual(['first', 'not here'])
    expect(seen[2]).toBe('last')
  })

  test('returns all results together', async () => {
    const all = await servers(fails, () => 1)
    const results = await clientOf<Who>('Who', all).inform('who').all()
    expect(results.map(({ endpoint }) => endpoint).sort()).toEqual(all.map(({ address }) => address).sort())
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('aborts the calls without a reply when its loop is left', async () => {
    const slow = endless()
    const client = clientOf<Who>('Who', await servers(() => 1, slow.who))
    for await (const result of client.inform('who')) {
      expect(result).toMatchObject({ reply: 1 })
      break
    }
    await until(() => client.snapshot().endpoints.every(({ inFlight }) => inFlight === 0))
  })

  test('makes one attempt at each server, with the time that is left', async () => {
    const lefts: (number | undefined)[] = []
    const who = (_: unknown, { deadline }: CallContext): void =>
      void lefts.push(deadline === undefined ? undefined : deadline - Date.now())
    const both = [await serving({ Who: { who } }), await serving({ Who: { who } })]
    await clientOf<Who>('Who', both, { failMode: 'failover' }).inform('who', 1, { timeoutMs: 5_000 }).all()
    expect(lefts).toHaveLength(2)
    for (const left of lefts) expect(left).toBeGreaterThan(3_000)
  })
})
