import { inspect } from 'node:util'
import { Server } from '@rpcx/core'
import { everythingIn, until } from '@rpcx/testing'
import { describe, expect, test } from 'vitest'
import { ZooKeeperDiscovery, ZooKeeperRegisterPlugin } from '../src/index.ts'
import type { Instead } from './hostile-server.ts'
import {
  CHILDREN,
  DATA,
  EXISTS,
  frame,
  greeting,
  HostileServer,
  int,
  opened,
  reply,
  stat,
  text,
} from './hostile-server.ts'

const MOST = 2 ** 31 - 1

/** Returns a reply to requests for the children of `Bad`. */
function ofChildren(answer: (xid: number) => Buffer): Instead {
  return ({ type, path, xid }) => (type === CHILDREN && path === '/x/Bad' ? answer(xid) : undefined)
}

/** Returns a reply about a server of `Bad`. */
function ofData(answer: (xid: number) => Buffer): Instead {
  return ({ type, path, xid }) => {
    if (!path.startsWith('/x/Bad')) return undefined
    if (type === CHILDREN) return frame(reply(xid), int(1), text('tcp@10.0.0.2:1'), stat())
    return type === DATA ? answer(xid) : undefined
  }
}

/** After these, the connection cannot be used any more. */
const brokenFrames: readonly (readonly [string, Instead])[] = [
  ['a frame of a negative length', ofChildren(() => int(-5))],
  ['a frame of two gigabytes', ofChildren(() => int(MOST))],
  ['a frame without a header', ofChildren(() => frame())],
  ['half a header', ofChildren(xid => frame(reply(xid).subarray(0, 9)))],
  ['a reply to another request', ofChildren(xid => frame(reply(xid + 1), int(0), stat()))],
  ['two replies', ofChildren(xid => Buffer.concat([frame(reply(xid, -101)), frame(reply(xid, -101))]))],
  ['an event that is cut short', ofChildren(() => frame(reply(-1), int(4)))],
  ['an event whose path ends elsewhere', ofChildren(() => frame(reply(-1), int(4), int(3), int(MOST)))],
  ['a reply to a ping', ofChildren(() => frame(reply(-2)))],
]

/** These fail only their own request. */
const nonsense: readonly (readonly [string, Instead])[] = [
  ['an unknown error', ofChildren(xid => frame(reply(xid, -77)))],
  ['no payload', ofChildren(xid => frame(reply(xid)))],
  ['a stat that is cut short', ofChildren(xid => frame(reply(xid), int(0), stat().subarray(0, 60)))],
  ['two billion children', ofChildren(xid => frame(reply(xid), int(MOST), text('a'), stat()))],
  ['children whose names take no bytes', ofChildren(xid => frame(reply(xid), int(MOST), int(-4), stat()))],
  ['a negative number of children', ofChildren(xid => frame(reply(xid), int(-2), stat()))],
  ['no children at all', ofChildren(xid => frame(reply(xid), int(-1), stat()))],
  ['a child without a name', ofChildren(xid => frame(reply(xid), int(1), int(-1), stat()))],
  ['a child whose name ends elsewhere', ofChildren(xid => frame(reply(xid), int(1), int(1_000_000), stat()))],
  ['a child named as a path', ofChildren(xid => frame(reply(xid), int(1), text('../../x'), stat()))],
  ['a child with an empty name', ofChildren(xid => frame(reply(xid), int(1), text(''), stat()))],
  [
    'a node without a stat',
    ({ type, path, xid }) => (type === EXISTS && path === '/x/Bad' ? frame(reply(xid)) : undefined),
  ],
  ['data of two gigabytes', ofData(xid => frame(reply(xid), int(MOST), stat()))],
  ['data of a negative length', ofData(xid => frame(reply(xid), int(-2), stat()))],
]

const greetings: readonly (readonly [string, Buffer])[] = [
  ['that is HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['that is cut short', frame(greeting().subarray(0, 10))],
  ['with a password of two gigabytes', frame(greeting(10_000, int(MOST)))],
  ['with a password of a negative length', frame(greeting(10_000, int(-9)))],
  ['with a session of one millisecond', frame(greeting(1))],
  ['that is long', frame(greeting(10_000, text('p'.repeat(5_000))))],
]

describe('When ZooKeeper misbehaves', () => {
  test.concurrent.each(brokenFrames)(
    'the driver connects again and serves all services after %s',
    async (_what, instead) => {
      await using server = await opened(new HostileServer())
      let isTold = false
      server.instead = request => {
        const lie = isTold ? undefined : instead(request)
        isTold ||= lie !== undefined
        return lie
      }
      const discovery = new ZooKeeperDiscovery({ zooKeeperServers: server.address, basePath: 'x' })
      const down = failure(discovery)
      const bad = discovery.list('Bad')
      expect(await down).toMatchObject(FAILURE)
      expect(await discovery.list('Good')).toMatchObject(GOOD)
      expect(await bad).toEqual([])
      expect(server.connections).toBe(2)
      await discovery.close()
    },
  )

  test.concurrent.each(nonsense)(
    'the driver keeps its connection and serves the other services after %s',
    async (_what, instead) => {
      await using server = await opened(new HostileServer())
      let isAskedAgain = (): void => {}
      const askedAgain = new Promise<void>(resolve => (isAskedAgain = resolve))
      let answers = 0
      server.instead = request => {
        const answer = instead(request)
        if (answer !== undefined && request.path === '/x/Bad' && ++answers === 2) isAskedAgain()
        return answer
      }
      const discovery = new ZooKeeperDiscovery({ zooKeeperServers: server.address, basePath: 'x' })
      const down = failure(discovery)
      discovery.list('Bad').catch(() => {})
      expect(await down).toMatchObject(FAILURE)
      expect(await discovery.list('Good')).toMatchObject(GOOD)
      await askedAgain
      expect(server.connections).toBe(1)
      await discovery.close()
    },
  )

  test.concurrent.each(['drip', 'stop'] as const)(
    'the other services are served although a reply never ends: its bytes %s',
    async how => {
      await using server = await opened(new HostileServer())
      server.instead = ({ type, path }) => (type === CHILDREN && path === '/x/Bad' ? how : undefined)
      const discovery = new ZooKeeperDiscovery({ zooKeeperServers: server.address, basePath: 'x' })
      const down = failure(discovery)
      // ZooKeeper replies in the order of requests.
      discovery.list('Bad').catch(() => {})
      const good = discovery.list('Good', { timeoutMs: 15_000 })
      expect((await down).message).toMatch(/: no answer to 'list \/x\/Bad' within 3000 ms$/)
      expect(await good).toMatchObject(GOOD)
      expect(server.connections).toBe(2)
      await discovery.close()
    },
  )

  test.concurrent.each(greetings)('a greeting %s fails with an error that says so', async (_what, bytes) => {
    await using server = await opened(new HostileServer())
    server.greeting = bytes
    const discovery = new ZooKeeperDiscovery({ zooKeeperServers: server.address, basePath: 'x' })
    const down = failure(discovery)
    discovery.list('Good').catch(() => {})
    expect(await down).toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringContaining('not what ZooKeeper sends'),
    })
    await discovery.close()
  })

  test('a service whose name no node can have is not read, and does not affect the others', async () => {
    await using server = await opened(new HostileServer())
    const asked: string[] = []
    server.instead = ({ path }) => void asked.push(path) as undefined
    const discovery = new ZooKeeperDiscovery({ zooKeeperServers: server.address, basePath: 'x' })
    for (const name of ['.', '..', 'a/b', 'a\u{e000}b']) expect(await discovery.list(name)).toEqual([])
    expect(await discovery.list('Good')).toHaveLength(1)
    expect(asked.filter(path => path.startsWith('/x/'))).toEqual(['/x/Good', '/x/Good/tcp@10.0.0.1:1'])
    await discovery.close()
  })

  test.each<[string, (server: HostileServer) => void]>([
    ['a malformed reply', server => (server.instead = ({ xid }) => frame(reply(xid)))],
    ['a refusal', server => (server.instead = ({ xid }) => frame(reply(xid, -102)))],
    ['a refused digest', server => (server.instead = ({ xid }) => frame(reply(xid, -115)))],
    ['a bad greeting', server => (server.greeting = frame(greeting(1)))],
  ])('no error and no event contains the password of digest: %s', async (_what, spoil) => {
    await using server = await opened(new HostileServer())
    spoil(server)
    const password = 's3cret-of-zookeeper'
    const options = {
      zooKeeperServers: server.address,
      basePath: 'x',
      digest: { user: 'u', password },
      acl: 'auth::cdrwa',
    }
    const events: unknown[] = []
    const rpcx = new Server({ lingerMs: 0, noticeMs: 0, startTimeoutMs: 500 })
    rpcx.plugins.add(new ZooKeeperRegisterPlugin(options))
    rpcx.registerName('Good', { hi: () => 1 })
    rpcx.on('registryDown', detail => events.push(detail))
    const discovery = new ZooKeeperDiscovery(options)
    discovery.on('registryDown', detail => events.push(detail))
    await rpcx.serve('tcp', '127.0.0.1:0')
    events.push(await discovery.list('Good', { timeoutMs: 500 }).catch((error: Error) => error))
    events.push(discovery.status('Good'))
    await until(() => events.length > 2)
    await Promise.all([rpcx.close(), discovery.close()])
    for (const text of [
      everythingIn(events),
      inspect(events, { showHidden: true, depth: Number.POSITIVE_INFINITY }),
    ]) {
      expect(text).not.toContain(password)
      expect(text).not.toContain(Buffer.from(password).toString('hex'))
    }
  })
})

const FAILURE = { code: 'ERR_RPCX_REGISTRY', message: expect.stringContaining('zookeeper 127.') }
const GOOD = [{ address: 'tcp@10.0.0.1:1', metadata: 'n=1' }]

/** Resolves to the first error that it reports. */
function failure(discovery: ZooKeeperDiscovery): Promise<Error> {
  return new Promise(resolve => discovery.on('registryDown', ({ error }) => resolve(error)))
}
