import { startZooKeeper } from '@rpcx/servers'
import type { Registry } from '@rpcx/testing/scenarios'
import { Harness, SESSION_MS } from './harness.ts'
import type { RawClient } from './raw-client.ts'

/** Describes ZooKeeper for the scenarios. */
export const zooKeeper: Registry<Harness> = {
  name: 'ZooKeeper',
  lifeMs: SESSION_MS,
  start: startZooKeeper,
  harness: (server, through) => Harness.open(server, through),
  at: address => ({ zooKeeperServers: address }),
  living: ms => ({ sessionTimeoutMs: ms }),
  put: (harness, service, address, metadata) =>
    withRawClient(harness, raw => raw.put(harness.path(service, address), metadata)),
  stored: async (harness, service, address) => {
    const found = await withRawClient(harness, raw => raw.get(harness.path(service, address)))
    return found && { ...found, metadata: found.data }
  },
  isHeld: (harness, service, address) =>
    withRawClient(harness, async raw => {
      const owner = BigInt(`0x${(await raw.get(harness.path(service, address)))?.owner ?? 0}`)
      return owner !== 0n && (await raw.sessions()).some(id => BigInt(id) === owner)
    }),
  // Reads with the harness's own client, whose session does not count.
  lives: async harness => (await harness.raw.sessions()).length,
}

/** Opens a client with its own session, because the session of the harness's client does not survive an outage. */
async function withRawClient<T>(harness: Harness, work: (raw: RawClient) => Promise<T>): Promise<T> {
  const raw = await harness.raw.another()
  try {
    return await work(raw)
  } finally {
    await raw.close()
  }
}
