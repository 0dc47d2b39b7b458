import { registryContract } from '@rpcx/contract'
import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { zooKeeperBench } from './bench.ts'

describe.runIf(await requireServer('zookeeper'))('ZooKeeper keeps the laws:', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  registryContract(test, () => zooKeeperBench(zooKeeper))
})
