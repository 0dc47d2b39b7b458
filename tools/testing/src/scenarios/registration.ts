import { expect } from 'vitest'
import { atMost } from '../at-most.ts'
import type { RegistryHarness } from '../harness.ts'
import { until } from '../until.ts'
import type { Registry } from './registry.ts'
import { SOMEONE } from './registry.ts'

const AT = 'tcp@10.0.0.1:8972'

/** A server crashes and restarts at its address before its old session ends. The end of that session removes nothing. */
export async function survivesARestart<H extends RegistryHarness>(
  registry: Registry<H>,
  harness: H,
  options: OldLife,
): Promise<void> {
  const first = harness.program('server', { service: 'Arith', metadata: 'is=first' })
  const { what } = await first.events.until(({ event }) => event === 'published')
  const address = what.address as string
  const view = harness.view('Arith')
  await view.shows({ [address]: 'is=first' })
  const isOver = await options.watch(address)
  await first.close()
  const listen = address.slice('tcp@'.length)
  const { events } = await harness.published('Arith', { listen, metadata: 'is=second' })
  await view.shows({ [address]: 'is=second' })
  await until(isOver, options.withinMs)
  // The end of the old session would have changed the list before this.
  await registry.put(harness, 'Arith', SOMEONE, '')
  await view.until(list => SOMEONE in list)
  expect(view.all).toEqual([
    { [address]: 'is=first' },
    { [address]: 'is=second' },
    { [address]: 'is=second', [SOMEONE]: '' },
  ])
  expect(events.all.map(({ event }) => event)).toEqual(['registered'])
}

export interface OldLife {
  /** Resolves to a function that says whether the current session of the entry has ended. */
  watch(address: string): Promise<() => Promise<boolean>>
  readonly withinMs: number
}

/** Two servers have one address, and the earlier one closes. The entry belongs to the later one all the time. */
export async function outlastsAnEarlierOne<H extends RegistryHarness>(
  registry: Registry<H>,
  harness: H,
): Promise<void> {
  const view = harness.view('Arith')
  const first = await harness.published('Arith', { serviceAddress: AT, metadata: 'is=first' })
  const second = await harness.published('Arith', { serviceAddress: AT, metadata: 'is=second' })
  await view.until(list => list[AT] === 'is=second')
  const { mark } = view
  await first.server.close()
  await registry.put(harness, 'Arith', SOMEONE, '')
  await view.until(list => SOMEONE in list)
  for (const list of view.since(mark - 1)) expect(list[AT]).toBe('is=second')
  expect(view.all.every(list => Object.keys(list).length === 0 || AT in list)).toBe(true)
  expect(second.events.all.map(({ event }) => event)).toEqual(['registered'])
}

/** A client waits before any server exists, and sees the first one. */
export async function isSeenByWhoWaited(harness: RegistryHarness): Promise<void> {
  const view = harness.view('Arith')
  await view.shows({})
  const { address, events } = await harness.published('Arith')
  const registered = await events.until(({ event }) => event === 'registered')
  const seen = await view.shows({ [address]: '' })
  atMost(1_000, 'the first server is seen', seen.at - registered.at)
}
