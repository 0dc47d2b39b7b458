import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { requireServer, startEtcd } from '@rpcx/servers'
import { expect, test } from 'vitest'
import { Harness } from './harness.ts'

test.runIf(await requireServer('etcd'))(
  'Registrations and discoveries move from a learner to a voting member',
  async () => {
    await using etcd = await startEtcd()
    await using harness = new Harness(etcd)
    const peer = `http://127.0.0.1:${await freePort()}`
    const { members = [] } = await harness.gateway.ask('cluster/member/list', {})
    await harness.gateway.ask('cluster/member/add', { peerURLs: [peer], isLearner: true })
    await using learner = await startEtcd({
      args: [
        '--name=learner',
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=test=${members[0]?.peerURLs[0]},learner=${peer}`,
        '--initial-cluster-state=existing',
      ],
    })
    const etcdServers = [learner.address, etcd.address]
    // Each begins with one of them, at random.
    for (let n = 0; n < 6; n++) {
      const service = `Arith${n}`
      const { address } = await harness.published(service, { etcdServers, metadata: `n=${n}` })
      await harness.view(service, harness.discovery({ etcdServers })).shows({ [address]: `n=${n}` })
      expect(await harness.gateway.get(harness.key(service, address))).toMatchObject({ value: `n=${n}` })
    }
  },
  60_000,
)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
