import { registryContract } from '@rpcx/contract'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { CatalogDriver } from '../src/catalog-driver.ts'
import { busyConnections } from './busy-connections.ts'
import { CatalogClient } from './catalog-client.ts'
import { Harness, TTL_MS } from './harness.ts'

describe.runIf(await requireServer('consul'))('Consul’s catalogue keeps the contract:', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  registryContract(test, async () => {
    const harness = new Harness(consul)
    const catalog = new CatalogClient(harness.raw)
    const proxy = await harness.proxy()
    // Consul removes leftovers of a law once they have been critical for a minute.
    const before = new Set((await catalog.ours()).map(({ ID }) => ID))
    return {
      driver: () => new CatalogDriver({ consulServers: proxy.address, ttlMs: TTL_MS }),
      edit: (...entry) => catalog.edit(...entry),
      remove: (...entry) => catalog.remove(...entry),
      put: (...entry) => catalog.put(...entry),
      async outage() {
        await proxy.cut()
        return { end: () => proxy.heal() }
      },
      /** Removes all services of one server from its agent. */
      async endSession(_service, address) {
        for (const { ID, Meta } of await catalog.ours()) {
          if (Meta?.['rpcx-address'] === address) await catalog.deregister(ID)
        }
      },
      async leftovers() {
        const left = (await catalog.ours()).filter(({ ID }) => !before.has(ID))
        return [...left.map(({ ID }) => `the service ${ID}`), ...busyConnections(proxy)]
      },
      close: () => harness[Symbol.asyncDispose](),
    }
  })
})
