import { registryContract } from '@rpcx/contract'
import { test } from 'vitest'
import { InprocessDriver } from '../src/driver.ts'
import { InprocessRegistry } from '../src/registry.ts'

registryContract(test, () => {
  const registry = new InprocessRegistry()
  return {
    driver: () => new InprocessDriver(registry),
    put: async (service, address, metadata) => registry.put(service, address, metadata, undefined),
    async edit(service, address, metadata) {
      const owner = registry.get(service, address)?.owner
      registry.put(service, address, metadata, owner)
      owner?.changed(metadata)
    },
    async remove(service, address) {
      const owner = registry.get(service, address)?.owner
      registry.remove(service, address)
      owner?.lost('deleted', new Error('someone deleted it'))
    },
  }
})
