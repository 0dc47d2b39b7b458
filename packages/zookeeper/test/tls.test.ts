import type { Server } from '@rpcx/servers'
import { authority, identity, requireServer, startZooKeeper } from '@rpcx/servers'
import { eventsOfDiscovery } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ZooKeeperOptions } from '../src/index.ts'
import { Harness } from './harness.ts'

const ours = authority('ours')
const theirs = authority('theirs')
const past = { notAfter: new Date(Date.now() - 60_000) }
const runnable = (await requireServer('zookeeper')) && !process.env.RPCX_ZOOKEEPER

describe.runIf(runnable)('A ZooKeeper with TLS', () => {
  let zooKeeper: Server
  let asking: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper({ tls: identity(ours, 'zookeeper') })
    asking = await startZooKeeper({ tls: { ...identity(ours, 'zookeeper'), clientAuthority: ours.cert } })
  })
  afterAll(async () => {
    await zooKeeper.stop()
    await asking.stop()
  })

  test('is reached by clients that trust its authority, also after a restart', async () => {
    await using harness = await harnessOf(zooKeeper)
    const tls = { ca: ours.cert }
    const { address, server } = await harness.published('Arith', { tls, metadata: 'n=1' })
    const discovery = harness.discovery({ tls })
    const events = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    await view.shows({ [address]: 'n=1' })
    await zooKeeper.restart()
    await events.until(({ event }) => event === 'registryBack')
    await server.setMetadata('Arith', 'n=2')
    await view.shows({ [address]: 'n=2' })
  })

  test('that requires client certificates gets ours', async () => {
    await using harness = await harnessOf(asking)
    const tls = { ca: ours.cert, ...identity(ours, 'client') }
    const { address } = await harness.published('Arith', { tls })
    await harness.view('Arith', harness.discovery({ tls })).shows({ [address]: '' })
  })

  const bad: readonly (readonly [string, () => Server, ZooKeeperOptions['tls'], string, RegExp])[] = [
    ['of an authority that we do not trust', () => zooKeeper, { ca: theirs.cert }, 'AUTH', /tls\.ca$/],
    ['of an authority that Node.js does not know', () => zooKeeper, {}, 'AUTH', /tls\.ca$/],
    ['that a client without TLS calls', () => zooKeeper, undefined, 'REGISTRY', /give the option tls/],
    [
      'that asks who we are, without our answer',
      () => asking,
      { ca: ours.cert },
      'AUTH',
      /tls\.cert and tls\.key$/,
    ],
    [
      'that requires client certificates, given an expired one',
      () => asking,
      { ca: ours.cert, ...identity(ours, 'client', past) },
      'AUTH',
      /tls\.cert and tls\.key$/,
    ],
  ]
  test.each(bad)('%s causes an event that says what to do', async (_, server, tls, code, words) => {
    await using harness = await harnessOf(server())
    await refuses(harness, tls, code, words)
  })

  test('has a port without TLS, and the error of a TLS client says so', async () => {
    await using harness = await Harness.open(zooKeeper)
    await refuses(harness, { ca: ours.cert }, 'REGISTRY', /its port for plain text/)
  })

  test('whose certificate is for another name causes an error that says so, unless servername has that name', async () => {
    await using elsewhere = await startZooKeeper({ tls: identity(ours, 'z', { hosts: ['elsewhere'] }) })
    await using harness = await harnessOf(elsewhere)
    await refuses(harness, { ca: ours.cert }, 'AUTH', /tls\.servername$/)
    await harness.published('Arith', { tls: { ca: ours.cert, servername: 'elsewhere' } })
  })
})

function harnessOf(server: Server): Promise<Harness> {
  return Harness.open(server, server.extraAddresses.tls)
}

async function refuses(
  harness: Harness,
  tls: ZooKeeperOptions['tls'],
  code: string,
  words: RegExp,
): Promise<void> {
  const { events } = await harness.member('Arith', { ...(tls && { tls }) })
  const { what } = await events.until(({ event }) => event === 'registryDown')
  expect(what.error).toMatchObject({
    code: `ERR_RPCX_${code}`,
    message: expect.stringMatching(words),
  })
}
