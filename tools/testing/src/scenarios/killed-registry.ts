import { setTimeout as sleep } from 'node:timers/promises'
import { CachedDiscovery } from '@rpcx/core'
import type { TcpProxy } from '@rpcx/servers'
import { startProxy } from '@rpcx/servers'
import { expect } from 'vitest'
import { atMost } from '../at-most.ts'
import { eventsOfDiscovery } from '../events.ts'
import type { RegistryHarness } from '../harness.ts'
import { until } from '../until.ts'
import { View } from '../view.ts'
import { cacheFile } from './cache-file.ts'
import type { Registry } from './registry.ts'
import { inflict, SOMEONE } from './registry.ts'

/** A registry that is back before an entry of 4 s is over: nothing changes by then, and what changes later is heard. */
export async function changesNothingWithinALife<S extends RegistryHarness>(
  registry: Registry<S>,
  options: { readonly overMs: number },
): Promise<void> {
  await using server = await registry.start()
  await using harness = await registry.harness(server)
  const { address, events } = await harness.published('Arith', { metadata: 'n=1', ...registry.living(4_000) })
  const discovery = harness.discovery()
  const discoveryEvents = eventsOfDiscovery(discovery)
  const view = harness.view('Arith', discovery)
  await view.shows({ [address]: 'n=1' })
  const before = await registry.stored(harness, 'Arith', address)
  await server.kill()
  await events.until(({ event }) => event === 'registryDown')
  await discoveryEvents.until(({ event }) => event === 'registryDown')
  await sleep(1_000)
  await server.restart()
  const up = performance.now()
  const back = await discoveryEvents.until(({ event }) => event === 'registryBack')
  atMost(5_000, 'after a short outage the list is fresh', back.at - up)
  await events.until(({ event }) => event === 'registryBack')
  await sleep(options.overMs)
  expect(await registry.stored(harness, 'Arith', address)).toEqual(before)
  await registry.put(harness, 'Arith', SOMEONE, '')
  await view.until(list => SOMEONE in list)
  expect(view.all).toEqual([{ [address]: 'n=1' }, { [address]: 'n=1', [SOMEONE]: '' }])
  expect(events.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])
}

/**
 * A registry that is away for more than a minute: who was there before goes on, at what cost is measured, who comes meanwhile waits or
 * starts from a cache, and nobody waits to close.
 */
export async function goesOnForAMinute<S extends RegistryHarness>(
  registry: Registry<S>,
  options: { readonly settledMs: number },
): Promise<void> {
  const { name } = registry
  await using file = await cacheFile()
  await using server = await registry.start()
  await using proxy = await startProxy(server.address)
  await using harness = await registry.harness(server)
  const { address, events } = await harness.published('Arith', { metadata: 'n=1' })
  const before = await registry.stored(harness, 'Arith', address)
  const waiting = harness.program('client', { service: 'Arith', ...registry.at(proxy.address) })
  await waiting.events.until(({ event }) => event === 'ready')
  const remembering = new CachedDiscovery(harness.discovery(), { file: file.path })
  expect(await remembering.list('Arith')).toHaveLength(1)
  await remembering.close()
  await proxy.cut()
  await server.kill()
  await events.until(({ event }) => event === 'registryDown')

  const late = await harness.member('Late')
  expect(late.events.all.map(({ event }) => event)).toEqual(['registryDown'])
  let since = performance.now()
  const starting = harness.open(new CachedDiscovery(harness.discovery(), { file: file.path }))
  expect((await starting.list('Arith')).map(endpoint => endpoint.address)).toEqual([address])
  atMost(100, 'a client that starts meanwhile has its list', performance.now() - since)
  expect(starting.status('Arith').source).toBe('cache')
  const view = new View(starting, 'Arith')
  const empty = harness.discovery()
  await expect(empty.list('Arith', { timeoutMs: 300 })).rejects.toMatchObject({ code: 'ERR_RPCX_REGISTRY' })
  const closing = await harness.member('Closing')
  since = performance.now()
  await closing.server.close()
  atMost(5_000, `close() of a server that never reached ${name}`, performance.now() - since)
  since = performance.now()
  await empty.close()
  atMost(5_000, `close() of a discovery that never reached ${name}`, performance.now() - since)

  await sleep(options.settledMs)
  const attempts = proxy.attempts
  waiting.say(`measure ${MEASURED_MS}`)
  const { what } = await waiting.events.until(({ event }) => event === 'measured', 0, 90_000)
  const { cpuPercent, idlePercent, calls, failed, lists } = what as unknown as Measured
  expect({ failed, lists }).toEqual({ failed: 0, lists: 1 })
  expect(calls).toBeGreaterThan(1_000)
  const shares = `${idlePercent.toFixed(2)} % of a core (under tsx), ${cpuPercent.toFixed(2)} % with ${calls} calls`
  console.info(`a lost ${name} takes ${shares}`)
  expect(cpuPercent).toBeGreaterThan(idlePercent)
  // How much of a core that is depends on the machine, and on what else it does; calls of the same minute depend on it alike.
  const callsPerSecond = calls / (MEASURED_MS / 2_000)
  const costOfCall = (cpuPercent - idlePercent) / callsPerSecond
  atMost(50, `a lost ${name} costs as much as`, idlePercent / costOfCall, 'calls a second')
  if (process.env.RPCX_STRICT) atMost(1, `the cost of a lost ${name}`, idlePercent, '% of a core')
  const perSecond = (proxy.attempts - attempts) / (MEASURED_MS / 1_000)
  atMost(1, 'attempts a second', perSecond, '')
  expect(perSecond).toBeGreaterThan(0.7)

  await server.restart()
  const up = performance.now()
  await proxy.heal()
  const registered = await late.events.until(({ event }) => event === 'registered')
  atMost(2_000, `what was registered while ${name} was down is there`, registered.at - up)
  await events.until(({ event }) => event === 'registryBack')
  await registry.put(harness, 'Arith', SOMEONE, 'state=inactive')
  await waiting.events.until(({ event, servers }) => event === 'list' && servers === 2)
  await view.shows({ [address]: 'n=1', [SOMEONE]: 'state=inactive' })
  expect(starting.status('Arith').source).toBe('registry')
  // Down for far longer than its life, the old lease or session was given a fresh one.
  expect(await registry.stored(harness, 'Arith', address)).toEqual(before)
  expect(events.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])
}

/** Nobody waits for a registry that is out of reach to close; what it holds goes by itself, and no connection stays. */
export async function closesOutOfReach<S extends RegistryHarness>(
  registry: Registry<S>,
  options: Leaving<S>,
): Promise<void> {
  const { name } = registry
  await using server = await registry.start()
  await using proxy = await startProxy(server.address)
  await using harness = await registry.harness(server, proxy.address)
  for (const fault of ['cut', 'stall'] as const) {
    const member = await harness.published('Arith')
    const { address } = member
    const discovery = harness.discovery()
    await harness.view('Arith', discovery).shows({ [address]: '' })
    await inflict(proxy, fault)
    const since = performance.now()
    await member.server.close()
    atMost(5_000, `close() of a server, ${name} out of reach (${fault})`, performance.now() - since)
    const middle = performance.now()
    await discovery.close()
    atMost(5_000, `close() of a discovery, ${name} out of reach (${fault})`, performance.now() - middle)
    await until(async () => (await registry.stored(harness, 'Arith', address)) === undefined, options.goneMs)
    await proxy.heal()
    await until(async () => (await options.connections(harness, proxy)) === 0, options.cutMs)
  }
  await until(async () => (await registry.lives(harness)) === 0, options.goneMs)
}

/** How all that is left of a server and a client goes by itself. */
export interface Leaving<S extends RegistryHarness> {
  /** Within which time their entry, and its life. */
  readonly goneMs: number
  /** Within which time their connections. */
  readonly cutMs: number
  connections(harness: S, proxy: TcpProxy): number | Promise<number>
}

/** What `programs/client.ts` tells. */
interface Measured {
  readonly cpuPercent: number
  readonly idlePercent: number
  readonly calls: number
  readonly failed: number
  readonly lists: number
}

/** Half of it without calls, half with. */
const MEASURED_MS = 60_000
