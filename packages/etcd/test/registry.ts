import { startEtcd } from '@rpcx/servers'
import type { Registry } from '@rpcx/testing/scenarios'
import { Harness, TTL_MS } from './harness.ts'

/** Describes etcd for the scenarios. */
export const etcd: Registry<Harness> = {
  name: 'etcd',
  lifeMs: TTL_MS,
  start: startEtcd,
  harness: async (server, through) => new Harness(server, through),
  at: address => ({ etcdServers: address }),
  living: ms => ({ ttlMs: ms }),
  put: (harness, service, address, metadata) => harness.gateway.put(harness.key(service, address), metadata),
  stored: async (harness, service, address) => {
    const found = await harness.gateway.get(harness.key(service, address))
    return found && { ...found, metadata: found.value }
  },
  isHeld: async (harness, service, address) => {
    const found = await harness.gateway.get(harness.key(service, address))
    return found !== undefined && (await harness.gateway.leases()).includes(found.lease)
  },
  lives: async harness => (await harness.gateway.leases()).length,
}
