import { registryContract } from '@rpcx/contract'
import type { Server } from '@rpcx/servers'
import { requireServer, startZooKeeper } from '@rpcx/servers'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { ZooKeeperDriver } from '../src/driver.ts'
import { Harness, SESSION_MS } from './harness.ts'

describe.runIf(await requireServer('zookeeper'))('ZooKeeper keeps the contract:', () => {
  let zooKeeper: Server
  beforeAll(async () => {
    zooKeeper = await startZooKeeper()
  })
  afterAll(() => zooKeeper.stop())

  registryContract(test, async () => {
    const harness = await Harness.open(zooKeeper)
    const { raw, basePath } = harness
    const proxy = await harness.proxy()
    const options = { zooKeeperServers: proxy.address, basePath, sessionTimeoutMs: SESSION_MS }
    return {
      driver: () => new ZooKeeperDriver(options),
      edit: (service, address, metadata) => raw.edit(harness.path(service, address), metadata),
      put: (service, address, metadata) => raw.put(harness.path(service, address), metadata),
      remove: (service, address) => raw.remove(harness.path(service, address)),
      async outage() {
        await proxy.cut()
        return { end: () => proxy.heal() }
      },
      endSession: (service, address) => raw.endSession(harness.path(service, address)),
      async missingDirectories(service) {
        const paths = [basePath, harness.path(service)]
        const found = await Promise.all(paths.map(path => raw.get(path)))
        return paths.filter((_path, i) => found[i] === undefined)
      },
      leftovers: () => raw.sessions(),
      close: () => harness[Symbol.asyncDispose](),
    }
  })
})
