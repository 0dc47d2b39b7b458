import { MessageChannel, Worker } from 'node:worker_threads'
import type { CallContext } from '@rpcx/core'
import { Peer2PeerDiscovery, Server, XClient } from '@rpcx/core'
import { expect, test } from 'vitest'
import { threadTransport } from '../worker-threads/thread-transport.ts'
import { Program } from './program.ts'

test('worker-threads: a client calls a server in another thread', async () => {
  await using program = new Program('worker-threads/main.ts')
  await program.line(/^6 × 7 = 42, computed in another thread$/)
  expect(await program.exit()).toBe(0)
})

test('worker-threads: the transport carries large calls, many at once and reverse calls, and closes with its server', async () => {
  const { port1, port2 } = new MessageChannel()
  const server = new Server({ transports: [threadTransport(port1)] })
  server.registerName('Echo', {
    Echo: (value: unknown) => value,
    Ask: (n: number, { connection }: CallContext) => connection.call('Twice', n),
  })
  await server.serve('thread', 'echo')
  await using discovery = new Peer2PeerDiscovery('thread@echo')
  await using client = new XClient<EchoService>('Echo', discovery, {
    transports: [threadTransport(port2)],
    offers: { Twice: (n: number) => 2 * n },
  })
  const large = 'x'.repeat(4 * 2 ** 20)
  expect(await client.call('Echo', large)).toBe(large)
  const numbers = Array.from({ length: 500 }, (_, n) => n)
  expect(await Promise.all(numbers.map(n => client.call('Echo', n)))).toEqual(numbers)
  expect(await client.call('Ask', 21)).toBe(42)
  await server.close()
  // Nothing is left that keeps this thread alive, but what connected the two.
  port1.close()
})

test('worker-threads: a call fails at once when the other thread has ended', async () => {
  const worker = new Worker('', { eval: true })
  await new Promise(resolve => worker.once('exit', resolve))
  await using discovery = new Peer2PeerDiscovery('thread@echo')
  await using client = new XClient<EchoService>('Echo', discovery, { transports: [threadTransport(worker)] })
  await expect(client.call('Echo', 1)).rejects.toMatchObject({ code: 'ERR_RPCX_UNAVAILABLE' })
})

interface EchoService {
  Echo(value: unknown): unknown
  Ask(n: number): number
}
