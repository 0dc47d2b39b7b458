import { registryContract } from '@rpcx/contract'
import type { Server } from '@rpcx/servers'
import { requireServer, startEtcd } from '@rpcx/servers'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { EtcdDriver } from '../src/driver.ts'
import { Harness } from './harness.ts'

describe.runIf(await requireServer('etcd'))('etcd keeps the contract:', () => {
  let etcd: Server
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  registryContract(test, async () => {
    const harness = new Harness(etcd)
    const { gateway, basePath } = harness
    const proxy = await harness.proxy()
    return {
      driver: () => new EtcdDriver({ etcdServers: proxy.address, basePath }, 3_000),
      async edit(service, address, metadata) {
        const key = harness.key(service, address)
        await gateway.put(key, metadata, (await gateway.get(key))?.lease)
      },
      async adopt(service, address, metadata) {
        const lease = await gateway.grant(600)
        await gateway.put(harness.key(service, address), metadata, lease)
        return () => gateway.revoke(lease)
      },
      remove: (service, address) => gateway.remove(harness.key(service, address)),
      put: (service, address, metadata) => gateway.put(`${harness.key(service)}/${address}`, metadata),
      async outage() {
        await proxy.cut()
        return { end: () => proxy.heal() }
      },
      async endSession(service, address) {
        const found = await gateway.get(harness.key(service, address))
        await gateway.revoke(found?.lease as string)
      },
      async missingDirectories(service) {
        const wanted = { [basePath]: 'rpcx_path', [harness.key(service)]: service }
        const found = await Promise.all(Object.keys(wanted).map(key => gateway.get(key)))
        return Object.entries(wanted)
          .filter(([, value], i) => found[i]?.value !== value)
          .map(([key, value]) => `${key} with the value ${value}`)
      },
      async leftovers() {
        const keys = await gateway.all(basePath)
        const watches = await gateway.figure('etcd_debugging_mvcc_watcher_total')
        return [
          ...keys.filter(({ lease }) => lease !== '0').map(({ key }) => `the key ${key}`),
          ...(await gateway.leases()).map(lease => `the lease ${lease}`),
          ...(watches > 0 ? [`${watches} watches`] : []),
        ]
      },
      close: () => harness[Symbol.asyncDispose](),
    }
  })
})
