import { randomBytes } from 'node:crypto'
import type { Bench } from '@rpcx/contract'
import type { Server as Registry } from '@rpcx/servers'
import { startProxy } from '@rpcx/servers'
import { ZooKeeperDriver } from '../src/driver.ts'
import { Hand } from './hand.ts'

/** One ZooKeeper with every fault there is, below a base path of its own. An outage is a cut of the network. */
export async function zooKeeperBench(zooKeeper: Registry): Promise<Required<Bench>> {
  const proxy = await startProxy(zooKeeper.address)
  const hand = await Hand.open(zooKeeper.address)
  const basePath = `/law_${randomBytes(5).toString('hex')}`
  const path = (service: string, address: string): string => `${basePath}/${service}/${address}`
  return {
    driver: () => new ZooKeeperDriver({ zooKeeperServers: proxy.address, basePath, sessionTimeoutMs: 2_000 }),
    edit: (service, address, metadata) => hand.edit(path(service, address), metadata),
    put: (service, address, metadata) => hand.put(path(service, address), metadata),
    remove: (service, address) => hand.remove(path(service, address)),
    async outage() {
      await proxy.cut()
      return { end: () => proxy.heal() }
    },
    endSession: (service, address) => hand.endSession(path(service, address)),
    leftovers: () => hand.sessions(),
    async close() {
      await hand.close()
      await proxy.close()
    },
  }
}
