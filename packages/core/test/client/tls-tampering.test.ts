import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { CallContext } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { authority, identity } from '../../../../tools/servers/src/certificates.ts'
import { Gate } from '../gate.ts'
import { clientOf, closing, failure, happening, portOf, serving } from '../helpers.ts'
import { until } from '../until.ts'

const ours = authority('our authority')
const tls = identity(ours, 'server')

/** An attacker between client and server. */
async function between(port: number) {
  const clients: Socket[] = []
  const servers: Socket[] = []
  const proxy = createServer(client => {
    const server = connect(port, '127.0.0.1')
    for (const socket of [client, server]) socket.on('error', () => {})
    client.pipe(server)
    server.pipe(client)
    clients.push(client)
    servers.push(server)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  closing({
    close: () => {
      for (const socket of [...clients, ...servers]) socket.destroy()
      proxy.close()
    },
  })
  const address = `tcp@127.0.0.1:${(proxy.address() as { port: number }).port}`
  return { address, clients, servers }
}

const BROKEN: readonly [string, Buffer][] = [
  ['plain text', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['a record that nobody signed', Buffer.from(`1703030020${'ab'.repeat(32)}`, 'hex')],
  ['an alert in plain text', Buffer.from('15030300020230', 'hex')],
  ['an alert about a certificate, in plain text', Buffer.from('1503030002022d', 'hex')],
]

describe.each(['TLSv1.3', 'TLSv1.2'] as const)(
  'bytes that an attacker inserts into a connection of %s',
  maxVersion => {
    test.each(BROKEN)('prove nothing about a running call: %s', async (_what, bytes) => {
      let runs = 0
      const arrived = new Gate()
      const count = async (_: unknown, { signal }: CallContext): Promise<void> => {
        runs++
        arrived.open()
        await new Promise(resolve => signal.addEventListener('abort', resolve))
      }
      const options = { tls: { ...tls, maxVersion } }
      const servers = await Promise.all([
        serving({ S: { count } }, options),
        serving({ S: { count } }, options),
      ])
      const proxies = await Promise.all(servers.map(server => between(portOf(server))))
      const client = clientOf<{ count(): void }>('S', proxies, {
        tls: { ca: ours.cert },
        failMode: 'failover',
        timeoutMs: 20_000,
      })
      const call = failure(client.call('count'))
      await arrived.opened
      for (const { clients } of proxies) {
        for (const socket of clients) {
          socket.write(bytes)
          socket.end()
        }
      }
      expect(await call).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
      expect(runs).toBe(1)
    })

    test.each(BROKEN)('close it at once, on both sides: %s', async (_what, bytes) => {
      const arrived = new Gate()
      const wait = (): Promise<void> => {
        arrived.open()
        return new Promise(() => {})
      }
      const server = await serving({ S: { wait } }, { tls: { ...tls, maxVersion }, drainMs: 0 })
      const proxy = await between(portOf(server))
      const client = clientOf<{ wait(): void }>('S', [proxy], { tls: { ca: ours.cert }, timeoutMs: 0 })
      const call = failure(client.call('wait'))
      await arrived.opened
      const closed = happening(server, 'connectionClosed')
      // Neither end is told by a FIN.
      for (const socket of [...proxy.clients, ...proxy.servers]) socket.unpipe().write(bytes)
      expect(await call).toMatchObject({ code: 'ERR_RPCX_OUTCOME_UNKNOWN' })
      expect((await closed).error).toBeDefined()
      await until(() => server.metrics.openConnections === 0)
    })
  },
)

describe('a client', () => {
  test('leaves no socket behind when tls() throws or returns no options', async () => {
    const { address, clients } = await between(portOf(await serving({ S: { hi: () => 1 } })))
    const asynchronous = (async () => ({})) as never
    const broken = (): never => {
      throw new Error('no certificate today')
    }
    for (const [tls, text] of [
      [broken, 'no certificate today'],
      [asynchronous, 'tls() returns no object'],
      [(() => undefined) as never, 'tls() returns no object'],
    ] as const) {
      const client = clientOf<{ hi(): number }>('S', [{ address }], { tls })
      const error = await failure(client.call('hi'))
      expect(error.message).toMatch(text)
      await client.close()
    }
    await until(
      () => clients.length >= 3 && clients.every(socket => socket.destroyed || socket.readableEnded),
    )
  })

  test('fails only its own connection when checkServerIdentity throws', async () => {
    const server = await serving({ S: { hi: () => 1 } }, { tls })
    const checkServerIdentity = (): never => {
      throw new Error('I do not know')
    }
    const client = clientOf<{ hi(): number }>('S', [server], { tls: { ca: ours.cert, checkServerIdentity } })
    expect(await failure(client.call('hi'))).toMatchObject({
      code: 'ERR_RPCX_TLS',
      message: expect.stringMatching('I do not know'),
    })
  })
})

test('a server whose SNICallback throws rejects that handshake and keeps serving', async () => {
  let isBroken = true
  const SNICallback = (_name: string, done: (error: Error | null) => void): void => {
    if (isBroken) throw new Error('no such name')
    done(null)
  }
  const server = await serving({ S: { hi: () => 1 } }, { tls: { ...tls, SNICallback } }, [
    'tcp',
    'localhost:0',
  ])
  const refused = happening(server, 'connectionRefused')
  const options = { tls: { ca: ours.cert, servername: 'localhost' } }
  expect(await failure(clientOf<{ hi(): number }>('S', [server], options).call('hi'))).toMatchObject({
    code: 'ERR_RPCX_TLS',
  })
  expect((await refused).error.message).toMatch('no such name')
  isBroken = false
  expect(await clientOf<{ hi(): number }>('S', [server], options).call('hi')).toBe(1)
})

test('TLS callbacks that return rejected promises fail only that handshake', async () => {
  const boom = async (): Promise<never> => {
    throw new Error('boom')
  }
  for (const own of [{ SNICallback: boom }, { ALPNCallback: boom }] as never[]) {
    const server = await serving({ S: { hi: () => 1 } }, { tls: { ...tls, ...(own as object) } }, [
      'tcp',
      'localhost:0',
    ])
    const options = { tls: { ca: ours.cert, servername: 'localhost', ALPNProtocols: ['rpcx'] } }
    expect(await failure(clientOf<{ hi(): number }>('S', [server], options).call('hi'))).toMatchObject({
      code: 'ERR_RPCX_TLS',
    })
  }
  const server = await serving({ S: { hi: () => 1 } }, { tls })
  const options = { tls: { ca: ours.cert, checkServerIdentity: boom as never } }
  const error = await failure(clientOf<{ hi(): number }>('S', [server], options).call('hi'))
  expect(error.message).toMatch('checkServerIdentity returns a promise')
})
