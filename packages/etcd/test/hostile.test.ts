import { inspect } from 'node:util'
import { Server } from '@rpcx/core'
import { everythingIn, until } from '@rpcx/testing'
import { describe, expect, test } from 'vitest'
import { EtcdDiscovery, EtcdRegisterPlugin } from '../src/index.ts'
import type { Call, Instead } from './hostile-server.ts'
import {
  fail,
  field,
  framed,
  HostileServer,
  header,
  isWrite,
  number,
  raw,
  say,
  write,
} from './hostile-server.ts'

/** Returns the answer to requests of this method for `Bad`. */
function to(method: string, answer: (call: Call) => void): Instead {
  return call => {
    if (!call.method.endsWith(`/${method}`) || !call.body.includes('Bad')) return false
    answer(call)
    return true
  }
}

const kv = field(2, field(1, 'x/Bad/tcp@10.0.0.2:1'), field(5, 'n=1'))
const range = field(3, field(1, kv))
const bytes = Buffer.from('ffffffffffffffffffffffffffffffff', 'hex')

const lists: readonly (readonly [string, (call: Call) => void])[] = [
  ['nothing', ({ stream }) => say(stream)],
  ['no header', ({ stream }) => say(stream, range, range)],
  ['a header without a revision of its own, and no ranges', ({ stream }) => say(stream, field(1))],
  ['one range of two', ({ stream }) => say(stream, header(), range)],
  ['three ranges', ({ stream }) => say(stream, header(), range, range, range)],
  ['ranges of another kind', ({ stream }) => say(stream, header(), field(3, field(2)), field(3))],
  ['what is no protobuf', ({ stream }) => say(stream, bytes)],
  ['a field that ends elsewhere', ({ stream }) => say(stream, Buffer.from([10, 127, 1]))],
  ['a message that is cut short', ({ stream }) => short(stream, framed(header(), 1_000))],
  ['a message of four gigabytes', ({ stream }) => raw(stream, framed(header(), 2 ** 32 - 1))],
  ['a message that says that it is compressed', ({ stream }) => compressed(stream)],
  ['no message', ({ stream }) => short(stream, Buffer.alloc(0))],
  ['a failure without a message', ({ stream }) => fail(stream, 13, '')],
  ['an unknown code', ({ stream }) => fail(stream, 99, 'x')],
  ['a page', ({ stream }) => page(stream)],
  ['a reset', ({ stream }) => stream.close(2)],
  ['a message that stops', ({ stream }) => raw(stream, framed(header(), 1_000_000))],
  ['a message that comes byte by byte', ({ stream }) => drip(stream)],
]

const watches: readonly (readonly [string, (call: Call) => void])[] = [
  ['an event without a key', ({ stream }) => write(stream, header(), field(11))],
  ['an event of null among others', ({ stream }) => write(stream, header(), field(11, kv), field(11))],
  ['what is no protobuf', ({ stream }) => write(stream, bytes)],
  ['that it is cancelled, without a reason', ({ stream }) => write(stream, header(), number(4, 1))],
  ['its end', ({ stream }) => say(stream, header())],
  ['a message of four gigabytes', ({ stream }) => raw(stream, framed(header(), 2 ** 32 - 1))],
  ['a page', ({ stream }) => page(stream)],
]

describe('When etcd misbehaves', () => {
  test.concurrent.each([
    ...lists.map(([what, answer]) => [`to a list: ${what}`, to('Txn', answer)] as const),
    ...watches.map(([what, answer]) => [`to a watch: ${what}`, to('Watch', answer)] as const),
  ])('the other services are served after a malformed response %s', async (_what, instead) => {
    await using server = await hostile(instead)
    const discovery = new EtcdDiscovery({ etcdServers: server.address, basePath: 'x' })
    const down = failure(discovery)
    discovery.list('Bad').catch(() => {})
    expect(await down).toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringMatching(/^etcd 127\..+: .+/),
    })
    const good = await discovery.list('Good')
    expect(good.map(({ address, metadata }) => [address, metadata])).toEqual([['tcp@10.0.0.1:1', 'n=1']])
    await discovery.close()
  })

  const by = (method: string) => (call: Call) => call.method.endsWith(`/${method}`)
  test.concurrent.each<[string, (call: Call) => boolean, (call: Call) => void]>([
    ['a lease without a TTL', by('LeaseGrant'), ({ stream }) => say(stream, header(), number(2, 7))],
    [
      'a lease that practically never ends',
      by('LeaseGrant'),
      ({ stream }) => say(stream, header(), number(2, 7), number(3, 2 ** 40)),
    ],
    ['a lease without an id', by('LeaseGrant'), ({ stream }) => say(stream, header(), number(3, 5))],
    ['a read without a result', by('Txn'), ({ stream }) => say(stream)],
    ['a read with one of two ranges', by('Txn'), ({ stream }) => say(stream, header(), range)],
    ['a write without a result', isWrite, ({ stream }) => say(stream, number(2, 1))],
    ['no token', by('Authenticate'), ({ stream }) => say(stream, field(1), bytes)],
  ])('a server that registers keeps running: %s', async (_what, isAsked, answer) => {
    await using etcd = await hostile(call => {
      if (!isAsked(call)) return false
      answer(call)
      return true
    })
    const server = new Server({ lingerMs: 0, noticeMs: 0, startTimeoutMs: 500 })
    const auth = { username: 'u', password: 'p' }
    server.plugins.add(new EtcdRegisterPlugin({ etcdServers: etcd.address, basePath: 'x', auth }))
    server.registerName('Bad', { hi: () => 1 })
    const down = new Promise<Error>(resolve => server.on('registryDown', ({ error }) => resolve(error)))
    await server.serve('tcp', '127.0.0.1:0')
    expect(await down).toMatchObject({ code: 'ERR_RPCX_REGISTRY' })
    await server.close()
  })

  test.each([undefined, '', 7])(
    'a password function that returns %j fails the login, not the process',
    async given => {
      await using etcd = await hostile(call => {
        if (!call.method.endsWith('/Authenticate')) return false
        fail(call.stream, 3, 'etcdserver: authentication failed')
        return true
      })
      const auth = { username: 'u', password: () => given as string }
      await using discovery = new EtcdDiscovery({ etcdServers: etcd.address, basePath: 'x', auth })
      const down = new Promise<Error>(resolve => discovery.on('registryDown', ({ error }) => resolve(error)))
      discovery.list('Any').catch(() => {})
      expect((await down).message).toContain('auth.password() returned no password')
    },
  )

  const password = 's3cret-of-etcd'
  test.concurrent.each<[string, (call: Call) => void]>([
    [
      'refused',
      ({ stream }) => fail(stream, 3, `etcdserver: authentication failed, invalid password ${password}`),
    ],
    ['a failure', ({ stream }) => fail(stream, 2, password)],
    ['a reset', ({ stream }) => stream.close(2)],
    ['no protobuf', ({ stream }) => say(stream, bytes)],
  ])('no error and no event contains the password: %s', async (_what, answer) => {
    for (const given of [password, () => password]) {
      await using etcd = await hostile(call => {
        if (!call.method.endsWith('/Authenticate')) return false
        answer(call)
        return true
      })
      const auth = { username: 'u', password: given }
      const options = { etcdServers: etcd.address, basePath: 'x', auth }
      const events: unknown[] = []
      const server = new Server({ lingerMs: 0, noticeMs: 0, startTimeoutMs: 500 })
      server.plugins.add(new EtcdRegisterPlugin(options))
      server.registerName('Good', { hi: () => 1 })
      server.on('registryDown', detail => events.push(detail))
      const discovery = new EtcdDiscovery(options)
      discovery.on('registryDown', detail => events.push(detail))
      await server.serve('tcp', '127.0.0.1:0')
      events.push(await discovery.list('Good', { timeoutMs: 1_000 }).catch((error: Error) => error))
      events.push(discovery.status('Good'))
      await until(() => events.length > 2)
      await Promise.all([server.close(), discovery.close()])
      expect(everythingIn(events)).not.toContain(password)
      expect(inspect(events, { showHidden: true, depth: Number.POSITIVE_INFINITY })).not.toContain(password)
    }
  })
})

function page(stream: Call['stream']): void {
  stream.respond({ ':status': 200, 'content-type': 'text/html' })
  stream.end('<html>')
}

function drip(stream: Call['stream']): void {
  raw(stream, framed(header(), 1_000_000))
  const dripping = setInterval(() => stream.write('x'), 20)
  stream.on('close', () => clearInterval(dripping))
}

function short(stream: Call['stream'], part: Buffer): void {
  raw(stream, part)
  stream.end()
}

function compressed(stream: Call['stream']): void {
  const message = framed(header())
  message[0] = 1
  raw(stream, message)
  stream.end()
}

async function hostile(instead: Instead): Promise<HostileServer & AsyncDisposable> {
  const server = await new HostileServer().open()
  server.instead = instead
  return Object.assign(server, { [Symbol.asyncDispose]: async () => server.close() })
}

/** Resolves to the first error that it reports. */
function failure(discovery: EtcdDiscovery): Promise<Error> {
  return new Promise(resolve => discovery.on('registryDown', ({ error }) => resolve(error)))
}
