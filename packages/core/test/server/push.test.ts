import type { CallContext, PushedMessage, PushMessage, ServerConnection, XClient } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, portOf, serving } from '../helpers.ts'
import { until } from '../until.ts'

interface News {
  subscribe(): string
}

function pushOf(client: XClient<News>): Promise<PushedMessage> {
  const pushed = new Gate<PushedMessage>()
  client.on('push', message => pushed.open(message))
  return pushed.opened
}

async function newsroom() {
  const connections: ServerConnection[] = []
  const subscribe = (_: unknown, { connection }: CallContext): string => {
    connections.push(connection)
    return 'subscribed'
  }
  const server = await serving({ News: { subscribe }, Other: { subscribe } })
  return { server, connections }
}

describe('push', () => {
  test('reaches the client of that connection, between the replies to its calls', async () => {
    const { server, connections } = await newsroom()
    const client = clientOf<News>('News', [server])
    const pushed = pushOf(client)
    await client.call('subscribe')
    const message = { service: 'news', method: 'flash', metadata: { k: 'v' }, payload: 'hi' }
    expect(connections[0]?.push(message)).toBe(true)
    const { payload, metadata, ...rest } = await pushed
    expect(rest).toEqual({ service: 'news', method: 'flash', endpoint: server.address })
    expect(Buffer.from(payload).toString()).toBe('hi')
    expect({ ...metadata }).toEqual({ k: 'v' })
    expect(await client.call('subscribe')).toBe('subscribed')
  })

  test('goes to all clients that called a service, and to nobody else', async () => {
    const { server } = await newsroom()
    const subscribers = [clientOf<News>('News', [server]), clientOf<News>('News', [server])]
    const other = clientOf<News>('Other', [server])
    const heard: string[] = []
    other.on('push', () => heard.push('other'))
    const pushed = subscribers.map(pushOf)
    for (const client of [...subscribers, other]) await client.call('subscribe')
    expect(server.metrics.connectionsOf('News')).toBe(2)
    expect(server.push('News', { method: 'flash', payload: Buffer.from([1, 2]) })).toBe(2)
    for (const message of await Promise.all(pushed)) {
      expect(message).toMatchObject({ service: 'News', method: 'flash' })
      expect([...message.payload]).toEqual([1, 2])
    }
    await other.call('subscribe')
    expect(heard).toEqual([])
    await subscribers[0]?.close()
    await until(() => server.metrics.connectionsOf('News') === 1)
    expect(server.push('News', {})).toBe(1)
  })

  test('returns false when the connection is closed', async () => {
    const { server, connections } = await newsroom()
    const client = clientOf<News>('News', [server])
    await client.call('subscribe')
    await client.close()
    await until(() => server.metrics.openConnections === 0)
    expect(connections[0]?.push({ payload: 'too late' })).toBe(false)
  })

  test('buffers only a little for a client that does not read', async () => {
    const { server, connections } = await newsroom()
    const peer = closing(await BarePeer.connect(portOf(server)))
    peer.send(frame({ service: 'News', method: 'subscribe', payload: 'null' }))
    await peer.message(0)
    peer.socket.pause()
    const payload = Buffer.alloc(256 * 1024)
    let taken = 0
    for (; taken < 200 && connections[0]?.push({ payload }) === true; taken++) {
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(taken).toBeLessThan(100)
    expect(server.push('News', { payload })).toBe(0)
    peer.socket.resume()
    await until(() => connections[0]?.push({ payload: 'at last' }) === true)
    while (peer.messages.at(-1)?.payload.toString() !== 'at last') await peer.message(peer.messages.length)
    // Pushed messages have their own increasing numbers.
    const numbers = peer.messages.slice(1).map(({ seq }) => Number(seq))
    expect(numbers.slice(0, taken)).toEqual(Array.from({ length: taken }, (_, i) => i + 1))
  })

  test('rejects metadata that are not strings, and more than the client would read', async () => {
    const { server, connections } = await newsroom()
    await clientOf<News>('News', [server]).call('subscribe')
    const message = { metadata: { count: 1 } } as unknown as PushMessage
    expect(() => connections[0]?.push(message)).toThrow(
      new TypeError('push: metadata.count is number, not a string'),
    )
    const many = Object.fromEntries(Array.from({ length: 4_097 }, (_, i) => [`key${i}`, '']))
    expect(() => connections[0]?.push({ metadata: many })).toThrow(
      new RangeError('push: metadata has more than 4096 keys'),
    )
  })
})
