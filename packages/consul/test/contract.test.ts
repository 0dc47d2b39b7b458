import { registryContract } from '@rpcx/contract'
import type { Server } from '@rpcx/servers'
import { requireServer, startConsul } from '@rpcx/servers'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { ConsulDriver } from '../src/driver.ts'
import { busyConnections } from './busy-connections.ts'
import { Harness, TTL_MS } from './harness.ts'

describe.runIf(await requireServer('consul'))('Consul keeps the contract:', () => {
  let consul: Server
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.stop())

  registryContract(test, async () => {
    const harness = new Harness(consul)
    const { raw, basePath } = harness
    const proxy = await harness.proxy()
    return {
      driver: () => new ConsulDriver({ consulServers: proxy.address, basePath, ttlMs: TTL_MS }),
      edit: (service, address, metadata) => raw.put(harness.key(service, address), metadata),
      remove: (service, address) => raw.remove(harness.key(service, address)),
      put: (service, address, metadata) => raw.put(`${harness.key(service)}/${address}`, metadata),
      async outage() {
        await proxy.cut()
        return { end: () => proxy.heal() }
      },
      /** Each key has its own session. Ends the sessions of all keys of this server. */
      async endSession(_service, address) {
        const keys = (await raw.all(basePath)).filter(({ key }) => key.endsWith(address))
        for (const { session } of keys) if (session !== undefined) await raw.destroy(session)
      },
      async missingDirectories(service) {
        const wanted = { [basePath]: 'rpcx_path', [harness.key(service)]: service }
        const found = await Promise.all(Object.keys(wanted).map(key => raw.get(key)))
        return Object.entries(wanted)
          .filter(([, value], i) => found[i]?.value !== value)
          .map(([key, value]) => `${key} with the value ${value}`)
      },
      async leftovers() {
        const keys = await raw.all(basePath)
        return [
          ...keys.filter(({ session }) => session !== undefined).map(({ key }) => `the key ${key}`),
          ...(await raw.sessions()).map(({ Name }) => `the session ${Name}`),
          ...busyConnections(proxy),
        ]
      },
      close: () => harness[Symbol.asyncDispose](),
    }
  })
})
