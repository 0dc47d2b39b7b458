import { startZooKeeper } from '@rpcx/servers'
import type { Registry } from '@rpcx/testing/scenarios'
import type { Hand } from './hand.ts'
import { SESSION_MS, Stage } from './stage.ts'

/** ZooKeeper, as scenarios have to know it. */
export const zooKeeper: Registry<Stage> = {
  name: 'ZooKeeper',
  lifeMs: SESSION_MS,
  start: startZooKeeper,
  stage: (server, through) => Stage.open(server, through),
  at: address => ({ zooKeeperServers: address }),
  living: ms => ({ sessionTimeoutMs: ms }),
  put: (stage, service, address, metadata) =>
    withHand(stage, hand => hand.put(stage.path(service, address), metadata)),
  stored: async (stage, service, address) => {
    const found = await withHand(stage, hand => hand.get(stage.path(service, address)))
    return found && { ...found, metadata: found.data }
  },
  isHeld: (stage, service, address) =>
    withHand(stage, async hand => {
      const owner = BigInt(`0x${(await hand.get(stage.path(service, address)))?.owner ?? 0}`)
      return owner !== 0n && (await hand.sessions()).some(id => BigInt(id) === owner)
    }),
  // By the stage's own hand, whose session does not count.
  lives: async stage => (await stage.hand.sessions()).length,
}

/** With a session of its own, since that of the stage's hand does not outlive an outage. */
async function withHand<T>(stage: Stage, work: (hand: Hand) => Promise<T>): Promise<T> {
  const hand = await stage.hand.another()
  try {
    return await work(hand)
  } finally {
    await hand.close()
  }
}
