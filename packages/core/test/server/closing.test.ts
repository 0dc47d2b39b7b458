import { connect } from 'node:net'
import type { CallContext, Server, ServerOptions } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { ReservedKey } from '../../src/wire/header.ts'
import { frame } from '../bare-frame.ts'
import { BarePeer } from '../bare-peer.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, happening, portOf, serving } from '../helpers.ts'

interface Slow {
  wait(): string
}

interface Waiting {
  readonly server: Server
  readonly arrived: Gate
  readonly leave: Gate
}

async function waiting(options: ServerOptions = {}): Promise<Waiting> {
  const arrived = new Gate()
  const leave = new Gate()
  const wait = async (): Promise<string> => {
    arrived.open()
    await leave.opened
    return 'done'
  }
  return { server: await serving({ Slow: { wait } }, options), arrived, leave }
}

async function connected(server: Server): Promise<BarePeer> {
  const opened = happening(server, 'connectionOpened')
  const peer = closing(await BarePeer.connect(portOf(server)))
  await opened
  return peer
}

const request = (seq: number): Buffer => frame({ seq, service: 'Slow', method: 'wait', payload: 'null' })

describe('close()', () => {
  test('lets running calls finish and sends their replies', async () => {
    const { server, arrived, leave } = await waiting()
    const reply = clientOf<Slow>('Slow', [server]).call('wait')
    await arrived.opened
    const closed = server.close()
    leave.open()
    expect(await reply).toBe('done')
    await closed
  })

  test('does so also for connections that the kernel has, but the server has not accepted yet', async () => {
    const { server } = await waiting()
    const socket = connect(portOf(server), '127.0.0.1')
    // The kernel accepts the connection. This process sees it only after this test has waited.
    await new Promise(resolve => process.nextTick(resolve))
    const closed = server.close()
    const peer = closing(new BarePeer(socket))
    peer.send(request(1))
    expect((await peer.message(0)).metadataValue(ReservedKey.code)).toBe('ERR_RPCX_NOT_EXECUTED')
    peer.close()
    await closed
  })

  test('answers further requests on open connections with ERR_RPCX_NOT_EXECUTED', async () => {
    const { server, arrived, leave } = await waiting()
    const peer = await connected(server)
    peer.send(request(1))
    await arrived.opened
    const closed = server.close()
    peer.send(request(2))
    const refused = await peer.message(0)
    expect(refused).toMatchObject({ seq: 2, isError: true })
    expect(refused.metadataValue(ReservedKey.code)).toBe('ERR_RPCX_NOT_EXECUTED')
    leave.open()
    expect(await peer.message(1)).toMatchObject({ seq: 1, isError: false })
    await closed
  })

  test('accepts no new connections after a moment', async () => {
    const { server, arrived, leave } = await waiting()
    const reply = clientOf<Slow>('Slow', [server]).call('wait')
    await arrived.opened
    const closed = server.close()
    let answer: unknown
    while (answer !== 'ECONNREFUSED') {
      answer = await BarePeer.connect(portOf(server)).then(
        peer => peer.close(),
        error => error.code,
      )
    }
    leave.open()
    await Promise.all([reply, closed])
  })

  test('closes an idle connection after lingerMs, and not before', async () => {
    const { server } = await waiting({ lingerMs: 200 })
    const peer = await connected(server)
    const start = performance.now()
    const closed = server.close()
    await peer.closed()
    const tookMs = performance.now() - start
    expect(tookMs).toBeGreaterThanOrEqual(195)
    expect(tookMs).toBeLessThan(2_000)
    await closed
  })

  test('counts lingerMs from the last frame', async () => {
    const { server } = await waiting({ lingerMs: 200 })
    const peer = await connected(server)
    const closed = server.close()
    peer.send(request(1))
    await peer.message(0)
    const start = performance.now()
    await peer.closed()
    expect(performance.now() - start).toBeGreaterThanOrEqual(150)
    await closed
  })

  test('resolves at once when the clients have disconnected', async () => {
    const { server } = await waiting({ lingerMs: 60_000 })
    const peer = await connected(server)
    const closed = server.close()
    peer.close()
    await closed
  })

  test('waits for a call no longer than drainMs and lingerMs, and then aborts it', async () => {
    const arrived = new Gate()
    const aborted = new Gate<unknown>()
    const wait = (_: unknown, { signal }: CallContext): Promise<void> => {
      signal.addEventListener('abort', () => aborted.open(signal.reason))
      arrived.open()
      return new Promise(() => {})
    }
    const server = await serving({ Slow: { wait } }, { drainMs: 20, lingerMs: 20 })
    const peer = await connected(server)
    peer.send(request(1))
    await arrived.opened
    await server.close()
    expect(await aborted.opened).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    await peer.closed()
  })

  test('may be called twice, and is what await using does', async () => {
    const { server } = await waiting()
    expect(server.close()).toBe(server.close())
    await server[Symbol.asyncDispose]()
  })
})
