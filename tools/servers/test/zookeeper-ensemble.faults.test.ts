import { openZooKeeperSession, startZooKeeperEnsemble } from '../src/index.ts'
import { fourLetterWord } from '../src/zookeeper.ts'
import { describeCluster } from './cluster.ts'

await describeCluster({
  kind: 'zookeeper',
  start: () => startZooKeeperEnsemble(),
  async write(address, key) {
    await using session = await openZooKeeperSession(address, { deadlineMs: 2_000 })
    await session.create(`/${key}`, Buffer.from('value'))
  },
  async has(address, key) {
    await using session = await openZooKeeperSession(address, { deadlineMs: 2_000 })
    return await session.exists(`/${key}`)
  },
  async hasMajority({ address }) {
    return (await fourLetterWord(address, 'srvr')).includes('Mode:')
  },
})
