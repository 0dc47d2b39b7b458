import type { CallContext, ServerConnection } from '@rpcx/core'
import { XClient } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { Flag, ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer, BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, portOf, serving } from '../helpers.ts'

interface Desk {
  enter(): string
}

/** Starts a server that keeps the connections of its callers. */
async function desk() {
  const entered = new Gate<ServerConnection>()
  const enter = (_: unknown, { connection }: CallContext): string => {
    entered.open(connection)
    return 'welcome'
  }
  return { server: await serving({ Desk: { enter } }), entered: entered.opened }
}

const left = new Gate()

const offers = {
  ask: async ({ question }: { question: string }) => ({ answer: `${question}? yes` }),
  refuse: () => {
    throw new Error('not today')
  },
  odd: () => 1n << 70n,
  wait: () => left.opened,
}

async function entered() {
  const { server, entered: connection } = await desk()
  const client = clientOf<Desk>('Desk', [server], { offers })
  await client.call('enter')
  return { server, client, connection: await connection }
}

describe('a client with methods', () => {
  test('is called by its server over the connection that it opened, beside its own calls', async () => {
    const { connection, client } = await entered()
    const [answer, welcome] = await Promise.all([
      connection.call('ask', { question: 'tea' }),
      client.call('enter'),
    ])
    expect(answer).toEqual({ answer: 'tea? yes' })
    expect(welcome).toBe('welcome')
  })

  test('may be called as soon as its first call arrives', async () => {
    const enter = async (_: unknown, { connection }: CallContext) =>
      connection.call('ask', { question: 'you' })
    const server = await serving({ Desk: { enter } })
    expect(await clientOf<Desk>('Desk', [server], { offers }).call('enter')).toEqual({ answer: 'you? yes' })
  })

  test('answers each of many calls at once, even if all are running before the first answer', async () => {
    const { connection } = await entered()
    const questions = Array.from({ length: 100 }, (_, i) => `cup ${i}`)
    const answers = await Promise.all(questions.map(question => connection.call('ask', { question })))
    expect(answers).toEqual(questions.map(question => ({ answer: `${question}? yes` })))
  })

  test.each([
    ['refuse', 'ERR_RPCX_SERVICE', 'not today'],
    ['odd', 'ERR_RPCX_CODEC', /^msgpack: /],
    ['none', 'ERR_RPCX_METHOD_NOT_FOUND', "rpcx: can't find method none"],
    ['toString', 'ERR_RPCX_METHOD_NOT_FOUND', "rpcx: can't find method toString"],
  ])('reports what is wrong with %s', async (method, code, message) => {
    const { connection } = await entered()
    const error = await failure(connection.call(method))
    expect(error).toMatchObject({ code })
    expect(error.message).toMatch(message)
  })

  test('is waited for no longer than timeoutMs, or until the signal aborts', async () => {
    const { connection } = await entered()
    expect(await failure(connection.call('wait', null, { timeoutMs: 20 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
      message: 'wait: no reply from the client within 20 ms',
    })
    const reason = new Error('no longer wanted')
    const abort = new AbortController()
    const call = failure(connection.call('wait', null, { signal: abort.signal }))
    abort.abort(reason)
    expect(await call).toBe(reason)
    expect(await failure(connection.call('wait', null, { signal: abort.signal }))).toBe(reason)
    expect(await connection.call('ask', { question: 'still there' })).toEqual({ answer: 'still there? yes' })
  })

  test('that disconnects leaves the outcome of a call unknown', async () => {
    const { connection, client } = await entered()
    const call = failure(connection.call('wait'))
    await client.close()
    expect(await call).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
    expect(await failure(connection.call('ask', {}))).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
  })

  test('announces its methods in its first heartbeat, before anything else', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Desk>('Desk', [server], { offers })
    void client.call('enter').catch(() => {})
    const first = await (await server.peer(0)).message(0)
    expect(first).toMatchObject({ isHeartbeat: true, isResponse: false })
    expect({ ...first.metadata }).toEqual({ [ReservedKey.peer]: 'ts/1' })
  })

  test('accepts functions only', () => {
    const discovery = { watch: async function* () {} } as never
    expect(() => new XClient('Desk', discovery, { offers: { ask: 1 as never } })).toThrow(
      new TypeError('XClient: offers.ask is number, not a function'),
    )
  })
})

describe('a client without methods', () => {
  test('is never called: the server sends nothing to it', async () => {
    const { server, entered: connection } = await desk()
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(frame({ flags: Flag.heartbeat, seq: 1, metadata: { [ReservedKey.peer]: 'go/9' } }))
    peer.send(frame({ seq: 2, service: 'Desk', method: 'enter', payload: 'null' }))
    await peer.message(1)
    expect(await failure((await connection).call('ask'))).toMatchObject({
      code: 'ERR_RPCX_UNAVAILABLE',
      message: expect.stringMatching(/^ask: the client at tcp@127\.0\.0\.1:\d+ offers nothing to call$/),
    })
    peer.send(frame({ seq: 3, service: 'Desk', method: 'enter', payload: 'null' }))
    await peer.message(2)
    expect(peer.messages.map(({ seq }) => seq)).toEqual([1, 2, 3])
  })

  test('sends no heartbeat before one is due', async () => {
    const server = closing(await BareServer.listen())
    void clientOf<Desk>('Desk', [server])
      .call('enter')
      .catch(() => {})
    expect((await (await server.peer(0)).message(0)).isHeartbeat).toBe(false)
  })
})
