import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { createConnection, createServer } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { createServer as createTlsServer } from 'node:tls'
import type { Server } from '@rpcx/servers'
import { authority, identity, requireServer, startConsul } from '@rpcx/servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ConsulOptions } from '../src/index.ts'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('consul'))('An agent is reached', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  const ours = authority('ours')
  const theirs = authority('theirs')
  const agent = identity(ours, 'agent')
  const client = identity(ours, 'client')
  const mutual: TlsOptions = { ...agent, ca: ours.cert, requestCert: true }

  test.each<[string, TlsOptions, ConsulOptions['tls']]>([
    ['by HTTPS', agent, { ca: ours.cert }],
    ['by HTTPS with a certificate of our own', mutual, { ca: ours.cert, ...client }],
    [
      'by HTTPS under another name',
      identity(ours, 'agent', { hosts: ['consul.internal'] }),
      { ca: ours.cert, servername: 'consul.internal' },
    ],
    ['by HTTPS without verifying its certificate', identity(theirs, 'agent'), { rejectUnauthorized: false }],
  ])('%s', async (_how, options, tls) => {
    await using harness = new Harness(consul)
    const front = harness.open(await Forwarder.open(consul.address, options))
    const through = { consulServers: front.address(), ...(tls && { tls }) }
    const { address, server } = await harness.published('Arith', { ...through, metadata: 'n=1' })
    const view = harness.view('Arith', harness.discovery(through))
    await view.shows({ [address]: 'n=1' })
    await server.setMetadata('Arith', 'n=2')
    await view.shows({ [address]: 'n=2' })
  })

  test.each<[string, TlsOptions, ConsulOptions['tls'], RegExp]>([
    [
      'no trusted authority signed its certificate',
      identity(theirs, 'agent'),
      { ca: ours.cert },
      /certificate/,
    ],
    [
      'its certificate has expired',
      identity(ours, 'agent', { notAfter: new Date(0) }),
      { ca: ours.cert },
      /expired/,
    ],
    [
      'its certificate is for another name',
      identity(ours, 'agent', { hosts: ['elsewhere'] }),
      { ca: ours.cert },
      /altnames/,
    ],
    [
      'it requires a client certificate and we have none',
      mutual,
      { ca: ours.cert },
      /certificate|socket|ECONNRESET/,
    ],
    ['it speaks HTTPS and we speak HTTP', agent, undefined, /socket hang up|ECONNRESET|Parse Error/],
  ])('not when %s', async (_why, options, tls, said) => {
    await using harness = new Harness(consul)
    const front = harness.open(await Forwarder.open(consul.address, options))
    const through = { consulServers: front.address(), ...(tls && { tls }) }
    await expect(harness.member('Arith', { ...through, required: true })).rejects.toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringMatching(said),
    })
  })

  test('by IPv6', async () => {
    await using harness = new Harness(consul)
    const front = harness.open(await Forwarder.open(consul.address, undefined, '::1'))
    const through = { consulServers: front.address() }
    expect(through.consulServers).toMatch(/^\[::1\]:/)
    const { address } = await harness.published('Arith', through)
    await harness.view('Arith', harness.discovery(through)).shows({ [address]: '' })
  })
})

/** Accepts connections in another way than Consul does, and forwards them to it. */
class Forwarder {
  readonly #server: NetServer
  readonly #sockets = new Set<Socket>()

  private constructor(target: string, options: TlsOptions | undefined) {
    const { hostname, port } = new URL(`tcp://${target}`)
    const forward = (socket: Socket): void => {
      const consul = createConnection(Number(port), hostname)
      for (const end of [socket, consul]) {
        this.#sockets.add(end)
        end.on('error', () => {}).on('close', () => this.#sockets.delete(end))
      }
      socket.pipe(consul).pipe(socket)
    }
    this.#server = options === undefined ? createServer(forward) : createTlsServer(options, forward)
  }

  static async open(target: string, options?: TlsOptions, host = '127.0.0.1'): Promise<Forwarder> {
    const forwarder = new Forwarder(target, options)
    await new Promise<void>(resolve => forwarder.#server.listen(0, host, resolve))
    return forwarder
  }

  address(): string {
    const { address, port } = this.#server.address() as AddressInfo
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }
}
