import { once } from 'node:events'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, keys, serving } from '../helpers.ts'
import { Program } from '../program.ts'

interface Any {
  method(args?: unknown): unknown
}

describe('close()', () => {
  test('fails waiting calls, and all further ones, with ERR_RPCX_CLOSED', async () => {
    const server = closing(await BareServer.listen())
    const client = clientOf<Any>('Any', [server])
    const pending = failure(client.call('method', 1))
    await (await server.peer(0)).message(0)
    const closed = client.close()
    expect(await pending).toMatchObject({
      code: 'ERR_RPCX_CLOSED',
      message: 'Any.method: the client is closed',
    })
    expect(await failure(client.call('method', 2))).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    await closed
    expect(await failure(client.invoke('method', 3))).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect(await failure(client.notify('method', 4))).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
  })

  test('fails calls that wait for a dial, a back-off or the first list', async () => {
    const dialling = clientOf<Any>('Any', [closing(await BareServer.listen())])
    const backingOff = clientOf<Any>('Any', [{ address: 'memu@nobody' }], { failMode: 'failtry' })
    await failure(backingOff.call('method', 1, { timeoutMs: 10 }))
    const never = closing(new MultipleServersDiscovery([{ key: 'memu@nobody' }]))
    never.update([])
    const waiting = clientOf<Any>('Any', never, { waitForReady: true })
    for (const client of [dialling, backingOff, waiting]) {
      const call = failure(client.call('method'))
      await client.close()
      expect(await call).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    }
  })

  test('may be called twice, and is what await using does', async () => {
    const client = clientOf<Any>('Any', [closing(await BareServer.listen())])
    expect(client.close()).toBe(client.close())
    await client[Symbol.asyncDispose]()
  })

  test('still sends what notify() queued, also to a server that reads slowly', async () => {
    const server = closing(await BareServer.listen({ onConnection: socket => socket.pause() }))
    const client = clientOf<Any>('Any', [server], { codec: 'raw', maxBufferedBytes: 2 ** 30 })
    const block = Buffer.alloc(4 * 1024 * 1024)
    // The first block fills the kernel's buffers, the others wait behind it.
    for (let i = 0; i < 4; i++) await client.notify('method', block)
    const closed = client.close()
    const peer = await server.peer(0)
    peer.socket.resume()
    for (let i = 0; i < 4; i++) expect((await peer.message(i)).payload.length).toBe(block.length)
    await closed
  })

  test('destroys the connection to a server that does not close its end', async () => {
    const server = closing(await BareServer.listen({ allowHalfOpen: true }))
    const client = clientOf<Any>('Any', [server])
    await client.notify('method')
    const peer = await server.peer(0)
    await peer.message(0)
    const start = performance.now()
    await client.close()
    expect(performance.now() - start).toBeLessThan(3_000)
  })

  test('waits for connections to servers that are no longer in the list', async () => {
    const server = closing(await BareServer.listen({ allowHalfOpen: true }))
    const discovery = closing(new MultipleServersDiscovery(keys([server])))
    const client = clientOf<Any>('Any', discovery)
    const call = failure(client.call('method'))
    const peer = await server.peer(0)
    await peer.message(0)
    const ended = once(peer.socket, 'end')
    discovery.update([])
    await discovery.list('Any')
    let isClosed = false
    const closed = client.close().then(() => (isClosed = true))
    expect(await call).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    await ended
    // The end of the stream has come, and this side has not ended yet.
    expect(isClosed).toBe(false)
    peer.socket.end()
    await closed
  })

  test('releases the discovery, which stays open', async () => {
    const server = await serving({ Any: { method: () => 1 } })
    const discovery = closing(new MultipleServersDiscovery(keys([server])))
    const first = clientOf<Any>('Any', discovery)
    await first.call('method')
    await first.close()
    expect(await clientOf<Any>('Any', discovery).call('method')).toBe(1)
  })
})

describe('a process', () => {
  test('exits once its client is closed', async () => {
    const arrived = new Gate()
    const server = await serving({ Any: { method: () => arrived.open() } })
    const program = closing(new Program('closing-client', server.address as string))
    expect(await program.line(0)).toBe('closed')
    expect(await program.exit).toEqual({ code: 0, signal: null })
    await arrived.opened
  })

  test('is not kept alive by a client that was never called', async () => {
    const program = closing(new Program('closing-client', 'tcp@127.0.0.1:1', 'unused'))
    expect(await program.exit).toEqual({ code: 0, signal: null })
  })
})
