import type { Transport } from '@rpcx/core'
import { Server, XClient } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { authority, identity } from '../../../../tools/servers/src/certificates.ts'
import { clientOf, failure, serving } from '../helpers.ts'
import { workerTransport } from '../worker-transport.ts'

const echo = { Echo: (value: unknown) => value }
interface EchoService {
  Echo(value: unknown): unknown
}

describe('a transport of the program', () => {
  test('carries calls, large ones, many at once, and reverse calls', async () => {
    const transports = [workerTransport()]
    const server = await serving({ Echo: echo }, { transports }, ['ipc', 'here'])
    expect(server.address).toBe('ipc@here')
    const offers = { Twice: (n: number) => 2 * n }
    const client = clientOf<EchoService>('Echo', [server], { transports, offers })
    expect(await client.call('Echo', 'hello')).toBe('hello')
    const large = 'x'.repeat(2 ** 20)
    expect(await client.call('Echo', large)).toBe(large)
    const many = Array.from({ length: 500 }, (_, i) => client.call('Echo', i))
    expect(await Promise.all(many)).toEqual(many.map((_, i) => i))
  })

  test('carries TLS, except when both ends are in this process', async () => {
    const ours = authority('our authority')
    const secured = async (transport: Transport, tls: object) => {
      const transports = [transport]
      const server = await serving({ Echo: echo }, { transports, tls: identity(ours, 'server') }, [
        'ipc',
        'here',
      ])
      return clientOf<EchoService>('Echo', [server], { transports, tls })
    }
    const named = { ca: ours.cert, servername: 'localhost' }
    expect(await (await secured(workerTransport(), named)).call('Echo', 1)).toBe(1)
    expect(await failure((await secured(workerTransport(), {})).call('Echo', 1))).toMatchObject({
      code: 'ERR_RPCX_TLS',
    })
    const inMemory = { ...workerTransport(), isInMemory: true }
    expect(await (await secured(inMemory, {})).call('Echo', 1)).toBe(1)
  })

  test('may replace TCP', async () => {
    const transports = [{ ...workerTransport(), networks: ['tcp'] }]
    const server = await serving({ Echo: echo }, { transports }, ['tcp', 'nowhere:1'])
    expect(await clientOf<EchoService>('Echo', [server], { transports }).call('Echo', 1)).toBe(1)
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('no way'))],
    [
      'throws',
      () => {
        throw new Error('no way')
      },
    ],
    ['opens no stream', () => Promise.resolve({} as never)],
  ])('that %s fails the call as a refused connection does', async (how, connect) => {
    const transports = [{ ...workerTransport(), connect }]
    const client = clientOf<EchoService>('Echo', [{ address: 'ipc@here' }], { transports })
    const why = how === 'opens no stream' ? 'not a Duplex' : 'no way'
    expect(await failure(client.call('Echo'))).toMatchObject({
      code: 'ERR_RPCX_UNAVAILABLE',
      message: expect.stringContaining(why),
    })
  })

  test('must implement the interface', () => {
    const good = workerTransport()
    const wrong = [
      null,
      {},
      { ...good, connect: 1 },
      { ...good, networks: [] },
      { ...good, networks: ['IPC'] },
    ]
    for (const transport of wrong) {
      const transports = [transport as never]
      expect(() => new Server({ transports })).toThrow(/^Server: transports\[0\]/)
      expect(() => new XClient('Echo', {} as never, { transports })).toThrow(/^XClient: transports\[0\]/)
    }
  })

  test('that is missing is named in the error, beside those that exist', async () => {
    const client = clientOf<EchoService>('Echo', [{ address: 'ipc@here' }])
    expect(await failure(client.call('Echo'))).toMatchObject({
      message: expect.stringContaining(
        'no transport for network "ipc"; there are tcp, tcp4, tcp6, unix, memu',
      ),
    })
  })
})
