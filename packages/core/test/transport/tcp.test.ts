import { once } from 'node:events'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { parseHostPort } from '../../src/address.ts'
import { tcp } from '../../src/transport/tcp.ts'
import type { Listener } from '../../src/transport/transport.ts'
import { Transports } from '../../src/transport/transports.ts'
import { Gate } from '../gate.ts'
import { closing, directory, failure } from '../helpers.ts'
import { isPosix } from '../platform.ts'
import { until } from '../until.ts'

const open = new AbortController().signal

interface Place {
  readonly listener: Listener
  readonly accepted: Promise<{ readonly stream: Duplex; readonly remote: string }>
}

async function listen(network: string, host: string): Promise<Place> {
  const accepted = new Gate<{ stream: Duplex; remote: string }>()
  const listener = await tcp.listen(network, host, (stream, remote) => accepted.open({ stream, remote }))
  return { listener: closing(listener), accepted: accepted.opened }
}

async function connect(network: string, host: string): Promise<Duplex> {
  const stream = await tcp.connect(network, host, open)
  closing({ close: () => stream.destroy() })
  return stream
}

describe('tcp', () => {
  test.each<[network: string, place: string, remote: RegExp]>([
    ['tcp', '127.0.0.1:0', /^tcp@127\.0\.0\.1:\d+$/],
    ['tcp4', '127.0.0.1:0', /^tcp4@127\.0\.0\.1:\d+$/],
    ['tcp6', '[::1]:0', /^tcp6@\[::1\]:\d+$/],
    ...(isPosix ? [['unix', '', /^unix@$/] as [string, string, RegExp]] : []),
  ])('carries bytes over %s, with the address of the caller', async (network, place, remote) => {
    const { listener, accepted } = await listen(network, place || join(await directory(), 's'))
    const client = await connect(network, listener.host)
    client.write('ping')
    const server = await accepted
    expect(server.remote).toMatch(remote)
    expect((await once(server.stream, 'data')).toString()).toBe('ping')
  })

  test('keeps bytes that come before anybody listens', async () => {
    const { listener, accepted } = await listen('tcp', '127.0.0.1:0')
    const client = await connect('tcp', listener.host)
    const { stream } = await accepted
    stream.write('first')
    await once(client, 'readable')
    stream.write('second')
    await until(() => client.readableLength === 11)
    expect(client.read().toString()).toBe('firstsecond')
  })

  test('rejects a dial that is refused', async () => {
    const { listener } = await listen('tcp', '127.0.0.1:0')
    await listener.close()
    expect(await failure(connect('tcp', listener.host))).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('rejects with the reason of the signal, before the dial and during it', async () => {
    const reason = new Error('no longer wanted')
    const { listener } = await listen('tcp', '127.0.0.1:0')
    expect(await failure(tcp.connect('tcp', listener.host, AbortSignal.abort(reason)))).toBe(reason)
    const during = new AbortController()
    const dial = failure(tcp.connect('tcp', listener.host, during.signal))
    during.abort(reason)
    expect(await dial).toBe(reason)
  })

  test.each(['here', '127.0.0.1', '127.0.0.1:x', '127.0.0.1:99999', '::1'])(
    'rejects the address %s',
    async host => {
      expect(await failure(connect('tcp', host))).toMatchObject({ code: 'ERR_RPCX_ADDRESS' })
    },
  )

  test('returns the port that the system chose', async () => {
    const { listener } = await listen('tcp', '127.0.0.1:0')
    expect(parseHostPort(listener.host).port).toBeGreaterThan(0)
  })

  test('names the known networks when asked for another', () => {
    expect(() => new Transports('test').of('kcp')).toThrow(
      'address: no transport for network "kcp"; there are tcp, tcp4, tcp6, unix, memu',
    )
  })
})
