import type { Authority, EtcdTls as ServedTls, Server } from '@rpcx/servers'
import { authority, identity, requireServer, startEtcd } from '@rpcx/servers'
import { eventsOfDiscovery } from '@rpcx/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EtcdTls } from '../src/index.ts'
import { Harness } from './harness.ts'

const ours = authority('ours')
const theirs = authority('theirs')
const past = { notAfter: new Date(Date.now() - 60_000) }
const runnable = (await requireServer('etcd')) && !process.env.RPCX_ETCD

describe.runIf(runnable)('An etcd with TLS', () => {
  let etcd: Server
  let asking: Server
  beforeAll(async () => {
    etcd = await startEtcd({ tls: identity(ours, 'etcd') })
    asking = await startEtcd({ tls: { ...identity(ours, 'etcd'), clientAuthority: ours.cert } })
  })
  afterAll(async () => {
    await etcd.stop()
    await asking.stop()
  })

  test('is reached by clients that trust its authority, also after a restart', async () => {
    await using harness = new Harness(etcd)
    const tls = { ca: ours.cert }
    const { address, server } = await harness.published('Arith', { tls, metadata: 'n=1' })
    const discovery = harness.discovery({ tls })
    const events = eventsOfDiscovery(discovery)
    const view = harness.view('Arith', discovery)
    await view.shows({ [address]: 'n=1' })
    await etcd.restart()
    await events.until(({ event }) => event === 'registryBack')
    await server.setMetadata('Arith', 'n=2')
    await view.shows({ [address]: 'n=2' })
    expect(view.all).toEqual([{ [address]: 'n=1' }, { [address]: 'n=2' }])
  })

  test('that requires client certificates gets ours', async () => {
    await using harness = new Harness(asking)
    const tls = { ca: Buffer.from(ours.cert), ...identity(ours, 'client') }
    const { address } = await harness.published('Arith', { tls })
    await harness.view('Arith', harness.discovery({ tls })).shows({ [address]: '' })
  })

  const bad: readonly (readonly [string, () => Server, EtcdTls | undefined, RegExp])[] = [
    ['of an authority that we do not trust', () => etcd, { ca: theirs.cert }, /tls\.ca$/],
    ['of an authority that Node.js does not know', () => etcd, {}, /tls\.ca$/],
    ['that a client without TLS calls', () => etcd, undefined, /it speaks TLS: give tls$/],
    [
      'that requires client certificates, called without TLS',
      () => asking,
      undefined,
      /it speaks TLS: give tls$/,
    ],
    [
      'that requires client certificates, called without one',
      () => asking,
      { ca: ours.cert },
      /tls\.cert and tls\.key/,
    ],
    [
      'that requires client certificates, given one of another authority',
      () => asking,
      { ca: ours.cert, ...identity(theirs, 'client') },
      /tls\.cert and tls\.key/,
    ],
    [
      'that requires client certificates, given an expired one',
      () => asking,
      { ca: ours.cert, ...identity(ours, 'client', past) },
      /tls\.cert and tls\.key/,
    ],
  ]
  test.each(bad)(
    '%s makes a required registration reject, with the host and what to do',
    async (_, server, tls, words) => {
      await using harness = new Harness(server())
      await refuses(harness, tls, words)
    },
  )

  test('is tried again after five seconds, and no sooner', async () => {
    await using harness = new Harness(etcd)
    await using proxy = await harness.proxy()
    const discovery = harness.discovery({ etcdServers: proxy.address, tls: { ca: theirs.cert } })
    const events = eventsOfDiscovery(discovery)
    void harness.view('Arith', discovery)
    const { what, at } = await events.until(({ event }) => event === 'registryDown')
    expect(what.error).toMatchObject({ code: 'ERR_RPCX_AUTH' })
    expect(proxy.attempts).toBe(1)
    while (proxy.attempts < 2) await new Promise(resolve => setTimeout(resolve, 10))
    expect(performance.now() - at).toBeGreaterThan(4_900)
    expect(performance.now() - at).toBeLessThan(6_000)
  })
})

describe.runIf(runnable)('An etcd', () => {
  const served: readonly (readonly [string, ServedTls | undefined, Authority, RegExp])[] = [
    [
      'whose certificate has expired',
      identity(ours, 'etcd', past),
      ours,
      /renew the certificate of this etcd$/,
    ],
    [
      'whose certificate is for another name',
      identity(ours, 'etcd', { hosts: ['elsewhere'] }),
      ours,
      /etcdServers/,
    ],
    ['that speaks plain text', undefined, ours, /it speaks plain text: leave tls out/],
  ]
  test.each(served)(
    '%s makes a required registration reject, with the host and what to do',
    async (_, tls, { cert }, words) => {
      await using etcd = await startEtcd(tls ? { tls } : {})
      await using harness = new Harness(etcd)
      await refuses(harness, { ca: cert }, words)
    },
  )
})

async function refuses(harness: Harness, tls: EtcdTls | undefined, words: RegExp): Promise<void> {
  const options = tls ? { tls } : {}
  const error = await harness.member('Arith', { required: true, ...options }).catch((error: Error) => error)
  expect(error).toMatchObject({ code: 'ERR_RPCX_AUTH', message: expect.stringMatching(words) })
  expect((error as Error).message).toContain(`etcd ${harness.servers}: `)
}
