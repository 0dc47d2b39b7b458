import { startConsul } from '@rpcx/servers'
import type { Registry } from '@rpcx/testing/scenarios'
import { Harness, TTL_MS } from './harness.ts'

/** Describes Consul for the scenarios. */
export const consul: Registry<Harness> = {
  name: 'Consul',
  lifeMs: TTL_MS,
  start: startConsul,
  harness: async (server, through) => new Harness(server, through),
  at: address => ({ consulServers: address }),
  living: ms => ({ ttlMs: ms }),
  put: (harness, service, address, metadata) => harness.raw.put(harness.key(service, address), metadata),
  stored: async (harness, service, address) => {
    const found = await harness.raw.get(harness.key(service, address))
    return found && { ...found, metadata: found.value }
  },
  isHeld: async (harness, service, address) => {
    const found = await harness.raw.get(harness.key(service, address))
    if (found?.session === undefined) return false
    return (await harness.raw.sessions()).some(({ ID }) => ID === found.session)
  },
  lives: async harness => (await harness.raw.sessions()).length,
}
