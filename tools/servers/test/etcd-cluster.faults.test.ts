import { startEtcdCluster } from '../src/index.ts'
import { describeCluster } from './cluster.ts'
import { hasKey, putKey } from './etcd-gateway.ts'

await describeCluster({
  kind: 'etcd',
  start: () => startEtcdCluster(),
  write: putKey,
  has: hasKey,
  async hasMajority({ extraAddresses }) {
    const response = await fetch(`http://${extraAddresses.metrics}/metrics`)
    return /^etcd_server_has_leader 1$/m.test(await response.text())
  },
})
