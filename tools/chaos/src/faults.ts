import { setTimeout as sleep } from 'node:timers/promises'
import { lose, loseNothing } from './network.ts'
import type { Fault, FaultKind } from './plan.ts'
import type { ServerActor, World } from './world.ts'

/** Injects a fault. Resolves when it is over. */
export async function inflict(fault: Fault, world: World): Promise<void> {
  await deeds[fault.kind](fault, world)
}

type Deed = (fault: Fault, world: World) => Promise<void>

const deeds: Record<FaultKind, Deed> = {
  async kill({ target, forMs }, world) {
    const { actor } = serverOf(world, target.number)
    await actor.kill()
    await sleep(forMs)
    await actor.start('serving')
  },
  async terminate({ target, forMs }, world) {
    const { actor } = serverOf(world, target.number)
    await actor.end('SIGTERM')
    await sleep(forMs)
    await actor.start('serving')
  },
  async stop({ target, forMs }, world) {
    const actor =
      target.what === 'client' ? world.clients[target.number - 1] : serverOf(world, target.number).actor
    actor?.signal('SIGSTOP')
    await sleep(forMs)
    actor?.signal('SIGCONT')
  },
  async block({ target, forMs }, world) {
    const actor =
      target.what === 'client' ? world.clients[target.number - 1] : serverOf(world, target.number).actor
    actor?.say(`block ${forMs}`)
    await sleep(forMs)
  },
  async deactivate({ target, forMs }, world) {
    const { address } = serverOf(world, target.number)
    await edit(world, address, metadata => `state=inactive&${metadata}`)
    await sleep(forMs)
    await edit(world, address, activated)
  },
  async reweigh({ target, forMs }, world) {
    const { address } = serverOf(world, target.number)
    await edit(world, address, metadata => metadata.replace(/weight=\d+/, `weight=${1 + (forMs % 20)}`))
    await sleep(forMs)
  },
  async claim({ target, forMs }, world) {
    const { address } = serverOf(world, target.number)
    const rival = await world.rival(address)
    await sleep(forMs)
    if (forMs % 2 === 0) await rival.kill()
    else await rival.end('SIGTERM')
  },
  async killRegistry({ forMs }, { registry }) {
    await registry.kill()
    await sleep(forMs)
    await registry.restart()
  },
  async pauseRegistry({ forMs }, { registry }) {
    await registry.pause()
    await sleep(forMs)
    await registry.resume()
  },
  async lose({ forMs }) {
    await lose(10)
    await sleep(forMs)
    await loseNothing()
  },
}

/** The metadata before an operator set the server inactive. */
export function activated(metadata: string): string {
  return metadata
    .split('&')
    .filter(pair => pair !== 'state=inactive')
    .join('&')
}

/** Repeats the change for a while, because the registry may be down or may not have the entry yet. */
export async function edit(
  { operator, journal }: Pick<World, 'operator' | 'journal'>,
  address: string,
  change: (metadata: string) => string,
): Promise<void> {
  const over = sleep(OPERATOR_MS, undefined, { ref: false }).then(() => {
    throw new Error('no answer')
  })
  try {
    await Promise.race([operator.edit(address, change), over])
  } catch (error) {
    journal.add(`the operator could not edit ${address}: ${(error as Error).message}`)
  }
}

const OPERATOR_MS = 2_000

function serverOf({ servers }: World, number: number): ServerActor {
  const server = servers[number - 1]
  if (server === undefined) throw new Error(`there is no server ${number}`)
  return server
}
