import { registryContract } from '@rpcx/contract'
import { test } from 'vitest'
import { InprocessDriver } from '../src/driver.ts'
import { InprocessRegistry } from '../src/registry.ts'

registryContract(test, () => {
  const registry = new InprocessRegistry()
  return {
    driver: () => new InprocessDriver(registry),
    put: async (service, address, metadata) => void registry.put(service, address, metadata, undefined),
    edit: async (service, address, metadata) =>
      void registry.put(service, address, metadata, registry.get(service, address)?.owner),
    remove: async (service, address) => registry.remove(service, address),
  }
})
