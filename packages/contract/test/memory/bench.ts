import type { Bench } from '@rpcx/contract'
import type { Driver } from '@rpcx/core'
import { MemoryDriver } from './driver.ts'
import { Lease } from './lease.ts'
import { MemoryRegistry } from './registry.ts'

/** A bench of a registry in memory, with every fault. */
export function memoryBench(
  registry: MemoryRegistry = new MemoryRegistry(),
  driver: () => Driver = () => new MemoryDriver(registry),
): Required<Bench> {
  return {
    driver,
    async edit(service, address, metadata) {
      registry.put(service, address, metadata, registry.get(service, address)?.lease)
    },
    async adopt(service, address, metadata) {
      const lease = new Lease(registry, false)
      registry.put(service, address, metadata, lease)
      return async () => lease.end()
    },
    async put(service, address, metadata) {
      registry.put(service, address, metadata, undefined)
    },
    async remove(service, address) {
      registry.remove(service, address)
    },
    async outage() {
      registry.down()
      return { end: async () => registry.up() }
    },
    async endSession(service, address) {
      registry.get(service, address)?.lease?.end()
    },
    missingDirectories: async service =>
      registry.directories.has(service) ? [] : [`the directory of ${service}`],
    leftovers: async () => registry.leftovers(),
    close: async () => {},
  }
}
