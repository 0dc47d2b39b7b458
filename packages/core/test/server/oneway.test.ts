import { describe, expect, test } from 'vitest'
import { Flag } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, happening, portOf, serving } from '../helpers.ts'

const oneway = (method: string, payload = 'null'): Buffer =>
  frame({ flags: Flag.oneway, service: 'Service', method, payload })

describe('a one-way call', () => {
  test('never gets a reply, whether it succeeds or fails', async () => {
    const service = {
      sync: () => 1,
      async: async () => 2,
      fails: () => Promise.reject(new Error('failed')),
      last: () => 'last',
    }
    const server = await serving({ Service: service })
    const peer = closing(await BarePeer.connect(portOf(server)))
    for (const method of ['sync', 'async', 'fails', 'missing']) peer.send(oneway(method))
    peer.send(frame({ seq: 5, service: 'Service', method: 'last', payload: 'null' }))
    expect(await peer.message(0)).toMatchObject({ seq: 5, isError: false })
    expect(peer.messages).toHaveLength(1)
  })

  test.each([
    ['fails', 'null', 'failed'],
    ['missing', 'null', "rpcx: can't find method missing"],
    ['fails', '{"cut', 'json: '],
  ])('that fails is reported as onewayFailed: %s %s', async (method, payload, text) => {
    const server = await serving({ Service: { fails: () => Promise.reject(new Error('failed')) } })
    const peer = closing(await BarePeer.connect(portOf(server)))
    const failed = happening(server, 'onewayFailed')
    peer.send(oneway(method, payload))
    const { error, ...call } = await failed
    expect(call).toEqual({ service: 'Service', method })
    expect(error.message).toMatch(text)
  })

  test('does not keep its connection open, because nobody waits for its reply', async () => {
    const arrived = new Gate<unknown>()
    const server = await serving({ Service: { method: (args: unknown) => arrived.open(args) } })
    const client = clientOf<{ method(args: string): void }>('Service', [server])
    expect(await client.notify('method', 'hello')).toBeUndefined()
    expect(await arrived.opened).toBe('hello')
    await server.close()
  })
})
