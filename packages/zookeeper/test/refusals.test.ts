import { Server as RpcxServer } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { isZooKeeperSince, requireServer, startZooKeeper } from '@rpcx/servers'
import { eventsOfDiscovery, eventsOfServer } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ZooKeeperDiscovery, ZooKeeperRegisterPlugin } from '../src/index.ts'
import { Harness } from './harness.ts'
import { CHILDREN, failedTransaction, frame, HostileServer, MULTI, opened, reply } from './hostile-server.ts'

const QUOTA_EXCEEDED = -125

describe('ZooKeeper rejects a request with', () => {
  test.each([
    ['-124', 'ERR_RPCX_AUTH', 'digest'],
    ['-125', 'ERR_RPCX_REGISTRY', 'setquota'],
    ['-127', 'ERR_RPCX_REGISTRY', 'overloaded'],
    ['-77', 'ERR_RPCX_REGISTRY', 'error -77'],
  ])('%s, which becomes %s with a message about %s', async (number, code, words) => {
    await using server = await opened(new HostileServer())
    server.instead = ({ type, xid }) => (type === CHILDREN ? frame(reply(xid, Number(number))) : undefined)
    const discovery = new ZooKeeperDiscovery({ zooKeeperServers: server.address, basePath: 'x' })
    const events = eventsOfDiscovery(discovery)
    discovery.list('Good').catch(() => {})
    const { what } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error).toMatchObject({ code, message: expect.stringContaining(words) })
    await discovery.close()
  })

  test('a quota, which causes one event however often it repeats, and the registration succeeds later', async () => {
    await using server = await opened(new HostileServer())
    let refusals = 0
    server.instead = ({ type, xid }) =>
      type === MULTI && ++refusals <= 3 ? failedTransaction(xid, QUOTA_EXCEEDED) : undefined
    const rpcx = new RpcxServer({ lingerMs: 0, noticeMs: 0 })
    const events = eventsOfServer(rpcx)
    rpcx.plugins.add(new ZooKeeperRegisterPlugin({ zooKeeperServers: server.address, basePath: 'x' }))
    rpcx.registerName('Arith', { hi: () => 1 })
    await rpcx.serve('tcp', '127.0.0.1:0')
    await events.until(({ event }) => event === 'registered')
    expect(refusals).toBe(4)
    expect(server.connections).toBe(1)
    expect(events.all.map(({ event }) => event)).toEqual(['registryDown', 'registryBack', 'registered'])
    await rpcx.close()
  })
})

describe.runIf(await requireServer('zookeeper'))('A ZooKeeper', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper({ config: { enforceQuota: true } })
  })
  afterAll(() => zooKeeper.stop())

  test('with a quota rejects with a message that says so, and registers the server once there is room', async context => {
    if (!(await isZooKeeperSince(zooKeeper, '3.7'))) context.skip('no quota is enforced before 3.7')
    await using harness = await Harness.open(zooKeeper)
    await harness.published('Arith', {})
    const quota = `/zookeeper/quota${harness.basePath}`
    await harness.raw.put(`${quota}/zookeeper_stats`, 'count=3,bytes=0')
    const limit = (count: number): string => `count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=${count}`
    await harness.raw.put(`${quota}/zookeeper_limits`, limit(1))
    const { server, events, address } = await harness.member('Arith', {})
    const { what } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error).toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringContaining(`create ${harness.path('Arith', address)}: the quota`),
    })
    await harness.raw.edit(`${quota}/zookeeper_limits`, limit(100))
    await server.published()
    expect(events.all.map(({ event }) => event)).toEqual(['registryDown', 'registryBack', 'registered'])
  })

  test('that requires authentication rejects clients without a digest, and the error says so', async context => {
    if (!(await isZooKeeperSince(zooKeeper, '3.7'))) context.skip('nothing is enforced before 3.7')
    await using strict = await startZooKeeper({
      config: { 'enforce.auth.enabled': true, 'enforce.auth.schemes': 'digest' },
    })
    await using harness = await Harness.open(zooKeeper, strict.address)
    await expect(harness.member('Arith', { required: true })).rejects.toMatchObject({
      code: 'ERR_RPCX_AUTH',
      message: expect.stringContaining('give the option digest'),
    })
    const digest = { user: 'alice', password: 'secret' }
    const { address } = await harness.published('Arith', { digest })
    await harness.view('Arith', harness.discovery({ digest })).shows({ [address]: '' })
  })

  test('that disconnects on long requests causes an error with the size and jute.maxbuffer', async () => {
    await using narrow = await startZooKeeper({ flags: ['-Djute.maxbuffer=4096'] })
    await using harness = await Harness.open(narrow)
    const { events } = await harness.member('Arith', { metadata: `note=${'x'.repeat(8_000)}` })
    const { what } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error).toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringMatching(/a request with 8005 bytes of data; most likely its jute\.maxbuffer/),
    })
  })

  test('that is at its maxClientCnxns disconnects, and the error says so', async () => {
    await using crowded = await startZooKeeper({ config: { maxClientCnxns: 1 } })
    // Its own client is the one connection.
    await using harness = await Harness.open(crowded)
    const { events } = await harness.member('Arith', {})
    const { what } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error).toMatchObject({
      code: 'ERR_RPCX_REGISTRY',
      message: expect.stringContaining('maxClientCnxns'),
    })
  })
})
