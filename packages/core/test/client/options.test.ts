import type { XClientOptions } from '@rpcx/core'
import {
  CachedDiscovery,
  MultiDiscovery,
  MultipleServersDiscovery,
  OneClient,
  Peer2PeerDiscovery,
  XClient,
} from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { failure } from '../helpers.ts'

const discovery = new Peer2PeerDiscovery('memu@nobody')

const client = (options: Record<string, unknown>, service: unknown = 'Any'): XClient<object> =>
  new XClient(service as string, discovery, options as XClientOptions)

describe('a client rejects', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ failMode: 'failsafe' }, 'failMode is "failsafe", not one of failfast, failtry, failover'],
    [{ selectMode: 'nearest' }, 'selectMode is "nearest", not one of random, roundRobin'],
    [{ compress: 'zip' }, 'compress is "zip", not one of gzip'],
    [{ codec: 'xml' }, 'codec: "xml" is none of raw, json, msgpack'],
    [{ retries: 1 }, 'retries does not work with failMode failfast'],
    [{ retries: 1, failMode: 'failfast' }, 'retries does not work with failMode failfast'],
    [{ token: 42 }, 'token is number, not a string'],
    [{ tls: true }, 'tls is boolean, not an object or a function'],
  ])('%j, with a TypeError', (options, text) => {
    expect(() => client(options)).toThrow(TypeError)
    expect(() => client(options)).toThrow(text)
  })

  test.each<[Record<string, unknown>, string]>([
    [{ retries: -1, failMode: 'failover' }, 'retries is -1'],
    [{ retries: 1.5, failMode: 'failtry' }, 'retries is 1.5'],
    [{ timeoutMs: -1 }, 'timeoutMs is -1'],
    [{ connectTimeoutMs: 0 }, 'connectTimeoutMs is 0'],
    [{ heartbeatMs: Number.NaN }, 'heartbeatMs is NaN'],
    [{ maxFrameBytes: 0 }, 'maxFrameBytes is 0'],
    [{ maxBufferedBytes: '1' }, 'maxBufferedBytes is "1"'],
    [{ timeoutMs: '500' }, 'timeoutMs is "500", not a number'],
    [{ timeoutMs: [5] }, 'timeoutMs is a list'],
    [{ codecs: [{ name: 'mine', id: 16 }] }, 'the id of mine is 16, not an integer from 0 to 15'],
  ])('%j, with a RangeError', (options, text) => {
    expect(() => client(options)).toThrow(RangeError)
    expect(() => client(options)).toThrow(text)
  })

  test('a private key in place of the TLS options, and does not show it', () => {
    expect(() => client({ tls: '-----BEGIN PRIVATE KEY-----' })).toThrow(
      new TypeError('XClient: tls is string, not an object or a function'),
    )
  })

  test.each(['', null, 7])('%j as the name of a service', name => {
    expect(() => client({}, name)).toThrow(TypeError)
  })

  test.each(['call', 'invoke', 'notify', 'broadcast', 'fork', 'inform'] as const)(
    'an unknown option of %s, with a TypeError that suggests the nearest name',
    async kind => {
      type Any = Record<string, (args?: unknown) => unknown>
      await using nobody = new XClient<Any>('Any', new Peer2PeerDiscovery('memu@nobody'))
      const options: object = { timeoutMS: 5 }
      const send = async (): Promise<unknown> => nobody[kind]('hi', 1, options)
      const error = await failure(send())
      expect(error).toMatchObject({
        name: 'TypeError',
        message: 'call: there is no option timeoutMS; did you mean timeoutMs?',
      })
    },
  )

  test('none of the valid options', async () => {
    for (const options of [
      { timeoutMs: 0, heartbeatMs: 0 },
      { retries: 0, failMode: 'failtry' },
    ]) {
      await client(options).close()
    }
  })
})

describe('a list of servers rejects', () => {
  test('an unknown option', () => {
    const servers = [{ key: 'tcp@a:1' }]
    const unknown: object = { clok: undefined }
    expect(() => new MultipleServersDiscovery(servers, unknown)).toThrow(
      'MultipleServersDiscovery: there is no option clok; did you mean clock?',
    )
    expect(() => new Peer2PeerDiscovery('tcp@a:1', '', unknown)).toThrow(
      'Peer2PeerDiscovery: there is no option',
    )
    expect(() => new MultiDiscovery([discovery], unknown)).toThrow('MultiDiscovery: there is no option')
    expect(() => new MultiDiscovery([discovery], null as never)).toThrow(
      'the options are null, not an object',
    )
  })

  test('an empty list in the constructor, and an address that appears twice', () => {
    expect(() => new MultipleServersDiscovery([])).toThrow(
      new TypeError('MultipleServersDiscovery: servers is empty'),
    )
    const twice = [{ key: 'tcp@a:1' }, { key: 'tcp@b:1' }, { key: 'tcp@a:1' }]
    expect(() => new MultipleServersDiscovery(twice)).toThrow('tcp@a:1 is there twice')
  })

  test('a malformed address, and keeps its previous list', async () => {
    const servers = new MultipleServersDiscovery([{ key: 'tcp@a:1', value: 'weight=1' }])
    expect(() => servers.update([{ key: 'tcp@' }])).toThrow(
      expect.objectContaining({ code: 'ERR_RPCX_ADDRESS' }),
    )
    expect(await servers.list('Any')).toMatchObject([{ address: 'tcp@a:1', metadata: 'weight=1' }])
    await servers.close()
    expect(await failure(servers.list('Any'))).toMatchObject({ code: 'ERR_RPCX_CLOSED' })
    expect(servers.status('Any')).toMatchObject({ state: 'closed', source: 'static' })
  })
})

test.each<[string, () => unknown, string]>([
  [
    'an address with a scheme',
    () => new Peer2PeerDiscovery('http://127.0.0.1:1'),
    '"http://127.0.0.1:1" is not host:port',
  ],
  [
    'an address without a port',
    () => new Peer2PeerDiscovery('tcp@127.0.0.1'),
    '"127.0.0.1" is not host:port',
  ],
  [
    'a list of texts',
    () => new MultipleServersDiscovery(['tcp@127.0.0.1:1'] as never),
    'servers[0] is "tcp@127.0.0.1:1", not { key:',
  ],
  [
    'no list',
    () => new MultipleServersDiscovery('tcp@127.0.0.1:1' as never),
    'servers is string, not a list of { key: address }',
  ],
  [
    'metadata that are no text',
    () => new MultipleServersDiscovery([{ key: 'tcp@127.0.0.1:1', value: {} as never }]),
    'servers[0].value is object, not a query string',
  ],
])('a list of servers is rejected at once, by name, when it has %s', (_what, make, text) => {
  expect(make).toThrow(text)
})

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'undefined, not a discovery: it has no watch()'],
  ['an address', 'tcp@127.0.0.1:1', '"tcp@127.0.0.1:1", not a discovery: it has no watch()'],
  ['a plugin', { attach: () => ({}) }, 'an object of Object, not a discovery: it has no watch()'],
])('a client rejects %s in place of a discovery at once', (_what, discovery, text) => {
  expect(() => new XClient('Any', discovery as never)).toThrow(
    new TypeError(`XClient: the second argument is ${text}`),
  )
  const first = 'the first argument'
  expect(() => new OneClient(discovery as never)).toThrow(`OneClient: ${first} is ${text}`)
  expect(() => new CachedDiscovery(discovery as never, { file: 'list' })).toThrow(
    `CachedDiscovery: ${first} is ${text}`,
  )
  expect(() => new MultiDiscovery([discovery as never])).toThrow(`MultiDiscovery: discoveries[0] is ${text}`)
})

test.each<[string, unknown]>([
  ['a symbol', Symbol('mul')],
  ['an object', { A: 1 }],
  ['a number', 5],
  ['nothing', undefined],
  ['null', null],
])('a call rejects %s in place of the name of a method at once', async (_what, method) => {
  const calls = client({}) as XClient<Record<string, () => void>>
  const one = new OneClient(discovery)
  for (const call of [
    () => calls.call(method as string),
    () => calls.invoke(method as string),
    () => calls.notify(method as string),
    () => calls.broadcast(method as string),
    () => calls.fork(method as string),
    async () => calls.inform(method as string).all(),
    () => one.call('Any', method as string),
  ]) {
    expect(await failure(call())).toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(/method is/),
    })
  }
  await Promise.all([calls.close(), one.close()])
})

describe('a client of a discovery that is closed', () => {
  test.each<[string, (client: XClient<Record<string, () => void>>) => Promise<unknown>]>([
    ['a call', client => client.call('method')],
    ['a call to all', client => client.broadcast('method')],
    ['ready()', client => client.ready()],
  ])('fails %s at once', async (_what, use) => {
    const closed = new Peer2PeerDiscovery('memu@nobody')
    await closed.close()
    for (const waitForReady of [false, true]) {
      const client = new XClient<Record<string, () => void>>('Any', closed, { waitForReady, timeoutMs: 0 })
      expect(await failure(use(client))).toMatchObject({
        code: 'ERR_RPCX_CLOSED',
        message: expect.stringContaining('the discovery is closed'),
      })
      await client.close()
    }
  })
})
