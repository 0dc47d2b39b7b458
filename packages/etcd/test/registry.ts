import { startEtcd } from '@rpcx/servers'
import type { Registry } from '@rpcx/testing/scenarios'
import { Stage, TTL_MS } from './stage.ts'

/** etcd, as scenarios have to know it. */
export const etcd: Registry<Stage> = {
  name: 'etcd',
  lifeMs: TTL_MS,
  start: startEtcd,
  stage: async (server, through) => new Stage(server, through),
  at: address => ({ etcdServers: address }),
  living: ms => ({ ttlMs: ms }),
  put: (stage, service, address, metadata) => stage.gateway.put(stage.key(service, address), metadata),
  stored: async (stage, service, address) => {
    const found = await stage.gateway.get(stage.key(service, address))
    return found && { ...found, metadata: found.value }
  },
  isHeld: async (stage, service, address) => {
    const found = await stage.gateway.get(stage.key(service, address))
    return found !== undefined && (await stage.gateway.leases()).includes(found.lease)
  },
  lives: async stage => (await stage.gateway.leases()).length,
}
