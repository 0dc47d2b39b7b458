import { startConsul } from '@rpcx/servers'
import type { Registry } from '@rpcx/testing/scenarios'
import { Stage, TTL_MS } from './stage.ts'

/** Consul, as scenarios have to know it. */
export const consul: Registry<Stage> = {
  name: 'Consul',
  lifeMs: TTL_MS,
  start: startConsul,
  stage: async (server, through) => new Stage(server, through),
  at: address => ({ consulServers: address }),
  living: ms => ({ ttlMs: ms }),
  put: (stage, service, address, metadata) => stage.hand.put(stage.key(service, address), metadata),
  stored: async (stage, service, address) => {
    const found = await stage.hand.get(stage.key(service, address))
    return found && { ...found, metadata: found.value }
  },
  isHeld: async (stage, service, address) => {
    const found = await stage.hand.get(stage.key(service, address))
    if (found?.session === undefined) return false
    return (await stage.hand.sessions()).some(({ ID }) => ID === found.session)
  },
  lives: async stage => (await stage.hand.sessions()).length,
}
