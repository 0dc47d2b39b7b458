import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientEvents } from '@rpcx/core'
import { startProxy } from '@rpcx/servers'
import { expect } from 'vitest'
import type { RegistryHarness } from '../harness.ts'
import type { Registry } from './registry.ts'
import { inflict } from './registry.ts'

/**
 * A registry does not hear from its servers for longer than the TTL, and drops one entry after the other, although all servers are
 * healthy. No call fails.
 */
export async function callsGoOnThroughAMassLoss<H extends RegistryHarness>(
  registry: Registry<H>,
  options: Silence,
): Promise<void> {
  await using server = await registry.start()
  await using proxy = await startProxy(server.address)
  await using harness = await registry.harness(server)
  const way = registry.at(options.by === 'cut' ? proxy.address : server.address)
  await Promise.all(Array.from({ length: SERVERS }, () => harness.published('Arith', way)))
  const discovery = harness.discovery()
  const view = harness.view('Arith', discovery)
  await view.until(list => Object.keys(list).length === SERVERS)
  const client = harness.client('Arith', discovery)
  const losses: ClientEvents['shrunk'][] = []
  client.on('shrunk', loss => losses.push(loss))
  const calling = new AbortController()
  const calls = callUntil(calling.signal, async n => void (await client.call('Echo', n)))
  const { mark } = view
  if (options.by === 'cut') await inflict(proxy, 'refuse')
  else await server.pause()
  await sleep(options.forLives * registry.lifeMs)
  if (options.by === 'cut') await proxy.heal()
  else await server.resume()
  const fewest = await view.until(list => Object.keys(list).length < SERVERS / 2, mark)
  await view.until(list => Object.keys(list).length === SERVERS, mark + 1)
  calling.abort()
  expect(await calls).toEqual([])
  expect(losses).toHaveLength(1)
  expect(losses[0]).toMatchObject({ from: SERVERS })
  console.info(
    `${Object.keys(fewest.what).length} of ${SERVERS} were left, in ${view.mark - mark} lists; no call failed`,
  )
}

export interface Silence {
  /** Whether the registry hangs, or only its servers cannot reach it. */
  readonly by: 'hang' | 'cut'
  readonly forLives: number
}

/** Makes a call every few milliseconds. Resolves to the failures. */
async function callUntil(over: AbortSignal, call: (n: number) => Promise<void>): Promise<readonly unknown[]> {
  const failures: unknown[] = []
  for (let n = 0; !over.aborted; n++) {
    await call(n).catch(error => failures.push(error))
    await sleep(2)
  }
  return failures
}

const SERVERS = 10
