import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  authority,
  type Identity,
  identity,
  requireCluster,
  requireServer,
  type Server,
  startEtcd,
  startEtcdCluster,
} from '../src/index.ts'

const ca = authority('ours')
const otherAuthority = authority('theirs')
const runnable = (await requireServer('etcd')) && !process.env.RPCX_ETCD

describe.runIf(runnable)('An etcd with TLS that requires client certificates', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd({ tls: { ...identity(ca, 'etcd'), clientAuthority: ca.cert } })
  })
  afterAll(() => etcd.stop())

  test('accepts a client with a certificate of its authority, again after a restart', async () => {
    await etcd.restart()
    expect(await version(etcd.address, ca.cert, identity(ca, 'client'))).toContain('etcdserver')
  })

  test('is rejected by a client that trusts another authority', async () => {
    await expect(version(etcd.address, otherAuthority.cert, identity(ca, 'client'))).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
  })

  test.each([
    ['without a certificate', undefined],
    ['with one of another authority', identity(otherAuthority, 'client')],
    ['with an expired one', identity(ca, 'client', { notAfter: new Date(Date.now() - 60_000) })],
  ])('rejects a client %s', async (_, client) => {
    await expect(version(etcd.address, ca.cert, client)).rejects.toThrow(
      /bad certificate|certificate required|reset/i,
    )
  })

  test('rejects plain text, except at its health port', async () => {
    const response = await fetch(`http://${etcd.address}/version`).catch(error => error as Error)
    expect(response).not.toMatchObject({ status: 200 })
    expect((await fetch(`http://${etcd.extraAddresses.metrics}/health`)).status).toBe(200)
  })
})

test.runIf(runnable)('An etcd whose certificate has expired starts and its clients reject it', async () => {
  const notAfter = new Date(Date.now() - 60_000)
  await using etcd = await startEtcd({ tls: identity(ca, 'etcd', { notAfter }) })
  await expect(version(etcd.address, ca.cert)).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' })
})

test.runIf(await requireCluster('etcd'))(
  'A cluster of etcd serves TLS at each member and elects a leader',
  async () => {
    await using cluster = await startEtcdCluster({ tls: identity(ca, 'etcd') })
    for (const address of cluster.addresses) expect(await version(address, ca.cert)).toContain('etcdserver')
    const killed = await cluster.leader()
    await killed.kill()
    expect(await cluster.leader()).not.toBe(killed)
  },
)

async function version(address: string, trusted: string, client?: Identity): Promise<string> {
  const asking = request(`https://${address}/version`, { ca: trusted, ...client, agent: false }).end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  return text(response)
}
