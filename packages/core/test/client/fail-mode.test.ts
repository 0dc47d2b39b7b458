import type { AttemptedCall, ClientEvents, FailPolicy, RpcxError } from '@rpcx/core'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import type { Message } from '../../src/wire/message.ts'
import type { BarePeer } from '../bare-peer.ts'
import { BareServer } from '../bare-peer.ts'
import type { BeatingServer } from '../beating-server.ts'
import { beatingServer } from '../beating-server.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, keys } from '../helpers.ts'

interface Any {
  method(args?: unknown): unknown
  other(args?: unknown): unknown
}

type Answer = (message: Message, peer: BarePeer) => void

const ok: Answer = (message, peer) => peer.reply(message, { payload: '"ok"' })
/** Resets the connection after it received the request. */
const reset: Answer = (_message, peer) => void peer.socket.resetAndDestroy()
const hangUp: Answer = (_message, peer) => void peer.socket.end()
const refuse: Answer = (message, peer) =>
  peer.reply(message, {
    flags: Flag.error,
    metadata: {
      [ReservedKey.error]: 'rpcx: the server is closing',
      [ReservedKey.code]: 'ERR_RPCX_NOT_EXECUTED',
    },
  })
const fail: Answer = (message, peer) =>
  peer.reply(message, { flags: Flag.error, metadata: { [ReservedKey.error]: 'its own failure' } })

/** Answers each of the first requests in its own way and all later ones in the last way, and counts them. */
async function answering(...answers: readonly Answer[]): Promise<BeatingServer> {
  return beatingServer((message, peer, index) => {
    const answer = answers[Math.min(index, answers.length - 1)] as Answer
    answer(message, peer)
  })
}

/** Resolves to an address without a listener. */
async function nobody(): Promise<{ address: string }> {
  const server = await BareServer.listen()
  const { address } = server
  await server.close()
  return { address }
}

const total = (servers: readonly BeatingServer[]): number =>
  servers.reduce((sum, { requests }) => sum + requests.length, 0)

describe('a connection that is lost after the request was delivered', () => {
  test.each([
    ['reset', reset],
    ['closed', hangUp],
  ])('and %s: the call ran once and fails with ERR_RPCX_OUTCOME_UNKNOWN', async (_how, lose) => {
    for (const failMode of ['failfast', 'failtry', 'failover'] as const) {
      const servers = [await answering(lose), await answering(lose)]
      const client = clientOf<Any>('Any', servers, { failMode })
      const error = await failure(client.call('method'))
      expect(error).toMatchObject({
        code: 'ERR_RPCX_OUTCOME_UNKNOWN',
        cause: { code: 'ERR_RPCX_UNAVAILABLE' },
      })
      expect(error.message).toMatch(/^Any\.method: may have run on tcp@127\.0\.0\.1:\d+, whose connection/)
      expect(total(servers)).toBe(1)
    }
  })

  test.each([
    ['this call', {}, { idempotent: true }],
    ['all calls of the client', { idempotent: true }, {}],
    ['the method', { idempotent: ['method'] }, {}],
  ])(
    'is repeated at another server when the caller said that %s may be',
    async (_what, options, callOptions) => {
      const [bad, good] = [await answering(reset), await answering(ok)]
      const client = clientOf<Any>('Any', [bad, good], {
        failMode: 'failover',
        selectMode: 'roundRobin',
        ...options,
      })
      // Round robin picks the bad server for the first or the second call.
      const calls = [
        await client.invoke('method', 1, callOptions),
        await client.invoke('method', 2, callOptions),
      ]
      expect(calls.map(({ reply, endpoint }) => [reply, endpoint])).toEqual([
        ['ok', good.address],
        ['ok', good.address],
      ])
      expect(calls.map(({ attempts }) => attempts).sort()).toEqual([1, 2])
      expect([bad.requests.length, good.requests.length]).toEqual([1, 2])
    },
  )

  test.each([
    ['this call is not', { idempotent: true }, { idempotent: false }],
    ['another method is', { idempotent: ['other'] }, {}],
  ])('is not repeated when %s idempotent', async (_what, options, callOptions) => {
    const servers = [await answering(reset), await answering(reset)]
    const client = clientOf<Any>('Any', servers, { failMode: 'failover', ...options })
    expect(await failure(client.call('method', 1, callOptions))).toMatchObject({
      code: 'ERR_RPCX_OUTCOME_UNKNOWN',
    })
    expect(total(servers)).toBe(1)
  })
})

describe('failfast', () => {
  test('makes one attempt, whatever the error', async () => {
    const refusing = await answering(refuse)
    const client = clientOf<Any>('Any', [refusing], { failMode: 'failfast' })
    expect(await failure(client.call('method'))).toMatchObject({ code: 'ERR_RPCX_NOT_EXECUTED' })
    expect(refusing.requests).toHaveLength(1)
    const down = clientOf<Any>('Any', [await nobody()], { failMode: 'failfast' })
    const error = await failure(down.call('method'))
    expect(error).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE', cause: { cause: { code: 'ECONNREFUSED' } } })
    expect(error.message).toMatch('Any.method: failed after 1 attempt: tcp@')
  })

  test('is the default', async () => {
    const server = await answering(refuse)
    await failure(clientOf<Any>('Any', [server]).call('method'))
    expect(server.requests).toHaveLength(1)
  })

  test('fails at once with ERR_RPCX_UNAVAILABLE when all servers are in back-off', async () => {
    for (const server of [await nobody(), await answering(refuse)]) {
      const client = clientOf<Any>('Any', [server], { failMode: 'failfast' })
      await failure(client.call('method'))
      expect(await failure(client.call('method'))).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
    }
  })
})

describe('failtry', () => {
  test('repeats the call at the same server until it accepts it', async () => {
    const servers = [await answering(refuse, refuse, ok), await answering(refuse, refuse, ok)]
    const client = clientOf<Any>('Any', servers, { failMode: 'failtry' })
    const { reply, attempts, endpoint } = await client.invoke('method')
    expect({ reply, attempts }).toEqual({ reply: 'ok', attempts: 3 })
    expect(servers.map(({ requests }) => requests.length).sort()).toEqual([0, 3])
    expect(servers.find(({ requests }) => requests.length === 3)?.address).toBe(endpoint)
  })

  test('gives up after the given number of retries', async () => {
    const server = await answering(refuse)
    const client = clientOf<Any>('Any', [server], { failMode: 'failtry', retries: 2 })
    const error = await failure(client.call('method'))
    expect(error).toMatchObject({
      code: 'ERR_RPCX_NOT_EXECUTED',
      cause: { message: 'rpcx: the server is closing' },
    })
    expect(error.message).toBe('Any.method: failed after 3 attempts: rpcx: the server is closing')
    expect(server.requests).toHaveLength(3)
  })
})

describe('failover', () => {
  test('goes to another server when one did not run the call', async () => {
    const good = await answering(ok)
    const servers = [await answering(refuse), good, await answering(refuse)]
    const client = clientOf<Any>('Any', servers, { failMode: 'failover' })
    for (let i = 0; i < 10; i++) expect(await client.call('method')).toBe('ok')
    expect(total(servers)).toBeLessThanOrEqual(12)
  })

  test('goes to another server when one refuses to connect', async () => {
    const good = await answering(ok)
    const client = clientOf<Any>('Any', [await nobody(), good, await nobody()], { failMode: 'failover' })
    expect(await Promise.all(Array.from({ length: 20 }, () => client.call('method')))).toEqual(
      Array(20).fill('ok'),
    )
    expect(good.requests).toHaveLength(20)
  })

  test('does not repeat a call that the service itself failed', async () => {
    const servers = [await answering(fail), await answering(fail)]
    const client = clientOf<Any>('Any', servers, { failMode: 'failover', idempotent: true })
    expect(await failure(client.call('method'))).toMatchObject({
      code: 'ERR_RPCX_SERVICE',
      message: 'its own failure',
    })
    expect(total(servers)).toBe(1)
  })

  test('with 0 retries makes one attempt', async () => {
    const servers = [await answering(refuse), await answering(refuse)]
    const client = clientOf<Any>('Any', servers, { failMode: 'failover', retries: 0 })
    expect(await failure(client.call('method'))).toMatchObject({ code: 'ERR_RPCX_NOT_EXECUTED' })
    expect(total(servers)).toBe(1)
  })
})

describe('the error of a call', () => {
  test('lists its attempts, with the server and the error of each', async () => {
    const servers = [await answering(refuse), await answering(refuse)]
    const client = clientOf<Any>('Any', servers, { failMode: 'failover', retries: 1 })
    const error = (await failure(client.call('method'))) as RpcxError
    expect(error.attempts.map(({ endpoint }) => endpoint).sort()).toEqual(
      servers.map(({ address }) => address).sort(),
    )
    for (const attempt of error.attempts) {
      expect(attempt.error).toMatchObject({ code: 'ERR_RPCX_NOT_EXECUTED' })
    }
  })

  test('has the metadata that the server sent with it', async () => {
    const server = await answering((message, peer) => {
      const metadata = { [ReservedKey.error]: 'no', hint: 'tomorrow' }
      peer.reply(message, { flags: Flag.error, metadata })
    })
    const error = await failure(clientOf<Any>('Any', [server]).call('method'))
    expect(error).toMatchObject({ message: 'no', metadata: { hint: 'tomorrow' } })
    expect(Object.keys((error as RpcxError).metadata)).toEqual(['hint'])
  })

  test('is ERR_RPCX_OUTCOME_UNKNOWN also when no server is left for a retry', async () => {
    const arrived = new Gate<BarePeer>()
    const server = await answering((_message, peer) => arrived.open(peer))
    const discovery = closing(new MultipleServersDiscovery(keys([server])))
    const client = clientOf<Any>('Any', discovery, { failMode: 'failover', idempotent: true })
    const error = failure(client.call('method'))
    const peer = await arrived.opened
    discovery.update([])
    await discovery.list('Any')
    peer.socket.resetAndDestroy()
    expect(await error).toMatchObject({
      code: 'ERR_RPCX_OUTCOME_UNKNOWN',
      cause: { message: expect.stringMatching('lost the connection') },
    })
  })

  test('is ERR_RPCX_OUTCOME_UNKNOWN if any attempt may have run, although the last did not', async () => {
    for (const failMode of ['failfast', 'failtry'] as const) {
      const servers = [await answering(reset, refuse), await answering(reset, refuse)]
      const options = failMode === 'failfast' ? { failMode } : { failMode, retries: 1 }
      const client = clientOf<Any>('Any', servers, { ...options, idempotent: true })
      expect(await failure(client.call('method'))).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
    }
  })
})

test('each retry is reported in an event', async () => {
  const server = await answering(refuse, ok)
  const client = clientOf<Any>('Any', [server], { failMode: 'failtry' })
  const told: ClientEvents['retried'][] = []
  client.on('retried', retried => told.push(retried))
  await client.call('method')
  expect(told).toMatchObject([
    {
      service: 'Any',
      method: 'method',
      endpoint: server.address,
      attempts: 1,
      error: { code: 'ERR_RPCX_NOT_EXECUTED' },
    },
  ])
})

describe('a policy of the program', () => {
  test('decides whether to repeat a call, and at which server', async () => {
    const servers = [await answering(refuse), await answering(refuse), await answering(ok)]
    const order = servers.map(({ address }) => address)
    const asked: AttemptedCall[] = []
    const client = clientOf<Any>('Any', servers, {
      failMode: {
        repeats: true,
        next(call, all) {
          asked.push({ ...call, attempts: call.attempts, server: call.server })
          const at = order.indexOf(call.server?.endpoint.address ?? '') + 1
          return all.find(({ endpoint }) => endpoint.address === order[at])
        },
      },
      selectMode: { pick: all => all.find(({ endpoint }) => endpoint.address === order[0]) },
    })
    expect(await client.invoke('method')).toMatchObject({ attempts: 3, endpoint: order[2] })
    expect(asked.map(({ attempts }) => attempts)).toEqual([1, 2])
    const never = clientOf<Any>('Any', servers.slice(0, 2), {
      failMode: { repeats: true, mayRepeat: (_call, { code }) => code !== 'ERR_RPCX_NOT_EXECUTED' },
    })
    expect(await failure(never.call('method'))).toMatchObject({
      code: 'ERR_RPCX_NOT_EXECUTED',
      attempts: { length: 1 },
    })
  })

  test('is never asked about a call that may have run and must not run twice', async () => {
    const server = await answering(reset)
    const client = clientOf<Any>('Any', [server], { failMode: { repeats: true, mayRepeat: () => true } })
    expect(await failure(client.call('method'))).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
    expect(server.requests).toHaveLength(1)
  })

  test.each([
    ['throws', () => fault()],
    ['returns a promise', async () => fault()],
    ['returns what it must not', () => 'yes'],
  ])('that %s is reported, and the call continues as without it', async (_how, wrong) => {
    const servers = [await answering(refuse), await answering(ok)]
    const first = servers[0]?.address
    const failed: string[] = []
    const clientWith = (policy: object) =>
      clientOf<Any>('Any', servers, {
        failMode: { repeats: true, ...policy } as FailPolicy,
        selectMode: {
          pick: all => all.find(({ endpoint }) => endpoint.address === first) ?? all[0],
        },
        idempotent: true,
      }).on('callbackFailed', ({ callback }) => failed.push(callback))
    expect(await clientWith({ next: wrong }).invoke('method')).toMatchObject({ attempts: 2 })
    expect(await failure(clientWith({ mayRepeat: wrong }).call('method'))).toMatchObject({
      code: 'ERR_RPCX_NOT_EXECUTED',
    })
    const hedging = { delayMs: wrong, succeeded: () => fault() }
    await clientWith({ hedging }).call('method')
    expect(failed).toEqual([
      'failMode.next',
      'failMode.mayRepeat',
      'failMode.hedging.delayMs',
      'failMode.hedging.succeeded',
    ])
  })

  test('is rejected when it is not a policy', () => {
    for (const failMode of [{}, { repeats: 1 }, null, () => {}])
      expect(() => clientOf<Any>('Any', [{ address: 'memu@none' }], { failMode: failMode as never })).toThrow(
        /failMode is .*, not one of/,
      )
  })
})

function fault(): never {
  throw new Error('the policy is broken')
}
