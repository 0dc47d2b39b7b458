import { setImmediate as turn } from 'node:timers/promises'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure, keys, serving } from '../helpers.ts'

interface Any {
  method(args?: unknown): unknown
  late(args?: unknown): unknown
  last(): unknown
}

const block = Buffer.alloc(1024 * 1024)
const options = { codec: 'raw', maxBufferedBytes: 4 * block.length } as const

async function deaf(): Promise<BareServer> {
  return closing(await BareServer.listen({ onConnection: socket => socket.pause() }))
}

describe('a server that does not read', () => {
  test('gets no more than maxBufferedBytes; further calls wait, but not beyond their deadline', async () => {
    const server = await deaf()
    const client = clientOf<Any>('Any', [server], options)
    await client.notify('method', block)
    const before = process.memoryUsage.rss()
    const more = Array.from({ length: 200 }, () => client.notify('method', block, { timeoutMs: 200 }))
    const failures = (await Promise.allSettled(more)).filter(({ status }) => status === 'rejected')
    expect(failures.length).toBeGreaterThan(100)
    expect(await failure(client.notify('method', block, { timeoutMs: 1 }))).toMatchObject({
      code: 'ERR_RPCX_TIMEOUT',
      message: `Any.method: it could not be sent to ${server.address} within the deadline`,
    })
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024)
  })

  test('gets what waited once it reads, but nothing that was aborted meanwhile', async () => {
    const server = await deaf()
    const client = clientOf<Any>('Any', [server], options)
    await client.notify('method', block)
    const peer = await server.peer(0)
    const sent = Array.from({ length: 50 }, () => client.notify('method', block))
    const late = await failure(client.notify('late', block, { timeoutMs: 1 }))
    expect(late.code).toBe('ERR_RPCX_TIMEOUT')
    peer.socket.resume()
    await Promise.all(sent)
    await client.notify('last')
    await peer.message(51)
    expect(peer.messages.map(({ method }) => method)).toEqual([...Array(51).fill('method'), 'last'])
  })

  test('leaves its calls to the other servers', async () => {
    const good = await serving({ Any: { method: () => new Uint8Array() } })
    const bad = await deaf()
    const discovery = closing(new MultipleServersDiscovery(keys([bad])))
    const client = clientOf<Any>('Any', discovery, {
      ...options,
      failMode: 'failover',
      selectMode: 'roundRobin',
    })
    const isTaken = (): Promise<boolean> =>
      client.notify('method', block, { timeoutMs: 50 }).then(
        () => true,
        () => false,
      )
    // The kernel fills its buffers over several turns, so one refusal is not final.
    let taken = 0
    for (let refused = 0; refused < 10 && taken < 200; await turn()) {
      if (await isTaken()) taken++
      else refused++
    }
    expect(taken).toBeLessThan(200)
    discovery.update(keys([bad, good]))
    await discovery.list('Any')
    for (let i = 0; i < 10; i++) {
      expect(await client.invoke('method', block)).toMatchObject({ endpoint: good.address, attempts: 1 })
    }
  })

  test('and then disconnects: calls that waited for it go to the restarted server, or to another one', async () => {
    const bad = await deaf()
    const discovery = closing(new MultipleServersDiscovery(keys([bad])))
    const client = clientOf<Any>('Any', discovery, options)
    await client.notify('method', block)
    const { socket } = await bad.peer(0)
    const sent = Array.from({ length: 50 }, () => client.notify('method', block))
    const waiting = client.invoke('method', block)
    const good = await serving({ Any: { method: () => new Uint8Array() } })
    discovery.update(keys([bad, good]))
    await discovery.list('Any')
    socket.destroy()
    expect(await waiting).toMatchObject({ endpoint: good.address, attempts: 1 })
    await Promise.all(sent)
  })
})

describe('a server that reads', () => {
  test('accepts more at once than may wait for it, and is not ejected', async () => {
    const server = await serving({ Any: { method: (bytes: Uint8Array) => bytes } })
    const client = clientOf<Any>('Any', [server], options)
    const ejected: unknown[] = []
    client.on('ejected', detail => ejected.push(detail))
    const calls = Array.from({ length: 50 }, (_, i) => client.call('method', Buffer.alloc(block.length, i)))
    for (const [i, reply] of (await Promise.all(calls)).entries())
      expect(Buffer.alloc(block.length, i).equals(reply as Buffer)).toBe(true)
    expect(ejected).toEqual([])
  })
})
