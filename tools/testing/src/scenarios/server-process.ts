import { setTimeout as sleep } from 'node:timers/promises'
import { Peer2PeerDiscovery, XClient } from '@rpcx/core'
import type { Server } from '@rpcx/servers'
import { expect } from 'vitest'
import { atMost, median } from '../at-most.ts'
import type { EchoService, RegistryHarness } from '../harness.ts'
import type { Program } from '../program.ts'
import type { Registry } from './registry.ts'

/** A server is killed, three times. It leaves every list within the promised time. */
export async function goesWhenKilled<H extends RegistryHarness>(
  registry: Registry<H>,
  server: Server,
  promisedMs: number,
): Promise<void> {
  await using harness = await registry.harness(server)
  const view = harness.view('Arith')
  const took: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    const program = harness.program('server', { service: 'Arith' })
    await view.shows({ [await addressOf(program)]: '' })
    program.signal('SIGKILL')
    const since = performance.now()
    took.push((await view.shows({})).at - since)
  }
  atMost(promisedMs, 'killed, gone (median of 3)', median(took))
  atMost(promisedMs, 'killed, gone (longest)', Math.max(...took))
}

/** A server is paused for longer than its TTL. It leaves the list, and returns once when it is resumed. */
export async function comesBackOnce<H extends RegistryHarness>(
  registry: Registry<H>,
  server: Server,
  options: Pause,
): Promise<void> {
  const { lifeMs } = registry
  const { fault, blockedForLives, thenLives, why } = options
  await using harness = await registry.harness(server)
  const program = harness.program('server', { service: 'Arith', metadata: 'n=1' })
  const address = await addressOf(program)
  const view = harness.view('Arith')
  await view.shows({ [address]: 'n=1' })
  const { mark } = view
  let over: number
  if (fault === 'is stopped') {
    program.signal('SIGSTOP')
    await view.shows({})
    await sleep(lifeMs)
    program.signal('SIGCONT')
    over = performance.now()
  } else {
    program.say(`block ${blockedForLives * lifeMs}`)
    await view.shows({})
    over = (await program.events.until(({ event }) => event === 'unblocked')).at
  }
  const back = await view.until(list => address in list, mark)
  atMost(2_000, `${fault}: back`, back.at - over)
  await sleep(thenLives * lifeMs)
  expect(view.last).toEqual({ [address]: 'n=1' })
  expect(view.since(mark)).toEqual([{}, { [address]: 'n=1' }])
  const lost = program.events.all.filter(({ event }) => event === 'lost')
  expect(lost.map(lost => lost.why)).toEqual([why])
}

export interface Pause {
  readonly fault: 'blocks its loop' | 'is stopped'
  readonly blockedForLives: number
  /** How long it takes until an expired entry is deleted. */
  readonly thenLives: number
  /** The reason in its event `lost`. */
  readonly why: 'expired' | 'deleted'
}

/** A server is blocked for half its TTL, three times. No list changes. Resolves to its events. */
export async function staysWhileItBlocks<H extends RegistryHarness>(
  registry: Registry<H>,
  server: Server,
): Promise<Program['events']> {
  const { lifeMs } = registry
  await using harness = await registry.harness(server)
  const program = harness.program('server', { service: 'Arith' })
  const address = await addressOf(program)
  const view = harness.view('Arith')
  await view.shows({ [address]: '' })
  for (let turn = 0; turn < 3; turn++) {
    program.say(`block ${lifeMs / 2}`)
    const { mark } = program.events
    await program.events.until(({ event }) => event === 'unblocked', mark)
    await sleep(lifeMs / 6)
  }
  await sleep(lifeMs)
  expect(view.mark).toBe(1)
  return program.events
}

/** A server restarts 30 times. Every address that the registry shows meanwhile can be dialled. */
export async function isListedOnlyWhileItAccepts<H extends RegistryHarness>(
  registry: Registry<H>,
  server: Server,
  find: (harness: H) => Promise<Shown | undefined>,
): Promise<void> {
  await using harness = await registry.harness(server)
  let address = ''
  let isOver = false
  let looks = 0
  const refused: string[] = []
  const looking = (async () => {
    while (!isOver) {
      const found = await find(harness)
      if (found === undefined) {
        await sleep(1)
        continue
      }
      looks++
      const discovery = new Peer2PeerDiscovery(found.address)
      const client = new XClient<EchoService>('Arith', discovery, { failMode: 'failfast' })
      try {
        await client.call('Echo', 1)
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_RPCX_UNAVAILABLE') {
          const still = await find(harness)
          if (still?.version === found.version) refused.push(`${found.address}: ${error}`)
        }
      } finally {
        await client.close()
        await discovery.close()
      }
    }
  })()
  for (let turn = 0; turn < 30; turn++) {
    const listen = address === '' ? '127.0.0.1:0' : address.slice('tcp@'.length)
    const member = await harness.published('Arith', { listen })
    address = member.address
    await sleep(20)
    await member.server.close()
  }
  isOver = true
  await looking
  console.info(`${looks} looks during 30 restarts, ${refused.length} refused`)
  expect(looks).toBeGreaterThan(30)
  expect(refused).toEqual([])
}

/** One registration of a server, as the registry shows it. */
export interface Shown {
  readonly address: string
  readonly version: unknown
}

async function addressOf(program: Program): Promise<string> {
  const { what } = await program.events.until(({ event }) => event === 'published')
  return what.address as string
}
