import { registryContract } from '@rpcx/contract'
import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { ZooKeeperDriver } from '../src/driver.ts'
import { SESSION_MS, Stage } from './stage.ts'

describe.runIf(await requireServer('zookeeper'))('ZooKeeper keeps the contract:', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  registryContract(test, async () => {
    const stage = await Stage.open(zooKeeper)
    const { hand, basePath } = stage
    const proxy = await stage.proxy()
    const options = { zooKeeperServers: proxy.address, basePath, sessionTimeoutMs: SESSION_MS }
    return {
      driver: () => new ZooKeeperDriver(options),
      edit: (service, address, metadata) => hand.edit(stage.path(service, address), metadata),
      put: (service, address, metadata) => hand.put(stage.path(service, address), metadata),
      remove: (service, address) => hand.remove(stage.path(service, address)),
      async outage() {
        await proxy.cut()
        return { end: () => proxy.heal() }
      },
      endSession: (service, address) => hand.endSession(stage.path(service, address)),
      async missingDirectories(service) {
        const paths = [basePath, stage.path(service)]
        const found = await Promise.all(paths.map(path => hand.get(path)))
        return paths.filter((_path, i) => found[i] === undefined)
      },
      leftovers: () => hand.sessions(),
      close: () => stage[Symbol.asyncDispose](),
    }
  })
})
