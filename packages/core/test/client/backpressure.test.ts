import { setImmediate as turn } from 'node:timers/promises'
import { MultipleServersDiscovery } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { BareServer } from '../bare-peer.ts'
import { clientOf, closing, failure, keys, serving } from '../rig.ts'

interface Any {
  method(args?: unknown): unknown
}

const block = Buffer.alloc(1024 * 1024)

async function deaf(): Promise<BareServer> {
  return closing(await BareServer.listen({ onConnection: socket => socket.pause() }))
}

describe('a server that does not read', () => {
  test('is given no more than maxBufferedBytes; further calls fail, known not to have run', async () => {
    const server = await deaf()
    const options = { codec: 'raw', maxBufferedBytes: 4 * 1024 * 1024 } as const
    const client = clientOf<Any>('Any', [server], options)
    await client.notify('method', block)
    const before = process.memoryUsage.rss()
    let refused: Error | undefined
    for (let i = 0; i < 200 && refused === undefined; i++) {
      await client.notify('method', block).catch(error => (refused = error))
    }
    expect(refused).toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
    expect(refused?.message).toMatch(/does not read; 4194304 bytes wait for it$/)
    for (let i = 0; i < 200; i++) await failure(client.notify('method', block))
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024)
  })

  test('leaves its calls to the others', async () => {
    const good = await serving({ Any: { method: () => new Uint8Array() } })
    const bad = await deaf()
    const discovery = closing(new MultipleServersDiscovery(keys([bad])))
    const client = clientOf<Any>('Any', discovery, {
      codec: 'raw',
      maxBufferedBytes: 4 * 1024 * 1024,
      failMode: 'failover',
      selectMode: 'roundRobin',
    })
    const isTaken = (): Promise<boolean> =>
      client.notify('method', block, { timeoutMs: 50 }).then(
        () => true,
        () => false,
      )
    // What the kernel can hold it takes turn by turn, so one refusal is not the last word.
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
})
