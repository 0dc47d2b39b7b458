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

/** A registry returns before an entry with a TTL of 4 s expires. No list changes by then, and later changes are seen. */
export async function changesNothingWithinALife<H extends RegistryHarness>(
  registry: Registry<H>,
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
 * A registry is down for more than a minute. Existing clients and servers work, and their CPU load is measured. New ones wait or use a
 * cache, and close() does not wait.
 */
export async function goesOnForAMinute<H extends RegistryHarness>(
  registry: Registry<H>,
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
  // The CPU load depends on the machine and its other load, and so do the calls of the same minute.
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
  // After an outage far longer than the TTL, the registry renewed the old lease or session.
  expect(await registry.stored(harness, 'Arith', address)).toEqual(before)
  expect(events.all.map(({ event }) => event)).toEqual(['registered', 'registryDown', 'registryBack'])
}

/** Servers and clients close while the registry is unreachable. Their entries expire, and no connection stays. */
export async function closesOutOfReach<H extends RegistryHarness>(
  registry: Registry<H>,
  options: Leaving<H>,
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

/** When the leftovers of a server and a client are gone. */
export interface Leaving<H extends RegistryHarness> {
  /** The time after which the entry is gone, including its TTL. */
  readonly goneMs: number
  /** The time after which their connections are closed. */
  readonly cutMs: number
  connections(harness: H, proxy: TcpProxy): number | Promise<number>
}

/** The events of `programs/client.ts`. */
interface Measured {
  readonly cpuPercent: number
  readonly idlePercent: number
  readonly calls: number
  readonly failed: number
  readonly lists: number
}

/** Measures half of the time without calls, and half with calls. */
const MEASURED_MS = 60_000
