import { once } from 'node:events'
import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import { requireServer, startEtcd } from '@rpcx/servers'
import { afterEach, describe, expect, test } from 'vitest'
import { Harness } from './harness.ts'

const NAMES = ['http_proxy', 'https_proxy', 'grpc_proxy'] as const

describe.runIf(await requireServer('etcd'))('A proxy in the environment', () => {
  const before = NAMES.map(name => [name, process.env[name]] as const)
  afterEach(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })

  /** Starts a proxy that records its requests, and rejects them. */
  async function proxy() {
    const asked: string[] = []
    const sockets = new Set<Socket>()
    const server = createServer(socket => {
      sockets.add(socket)
      socket
        .on('error', () => {})
        .on('data', bytes => {
          asked.push(String(bytes).split('\r\n')[0] ?? '')
          server.emit('asked')
          socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
        })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    for (const name of NAMES) process.env[name] = `http://127.0.0.1:${port}`
    const dispose = async (): Promise<void> => {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
    return { asked, server, [Symbol.asyncDispose]: dispose }
  }

  test('is not used, unless httpProxy is set', async () => {
    await using etcd = await startEtcd()
    await using through = await proxy()
    await using harness = new Harness(etcd)
    const { address } = await harness.published('Arith', { metadata: 'n=1' })
    await harness.view('Arith', harness.discovery()).shows({ [address]: 'n=1' })
    expect(through.asked).toEqual([])

    const asked = once(through.server, 'asked')
    void harness
      .discovery({ httpProxy: true })
      .list('Arith')
      .catch(() => {})
    await asked
    expect(through.asked[0]).toMatch(/^CONNECT 127\.0\.0\.1:\d+ HTTP\/1\.1$/)
  })
})
