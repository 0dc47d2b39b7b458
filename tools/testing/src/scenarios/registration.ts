import { expect } from 'vitest'
import { atMost } from '../at-most.ts'
import type { RegistryStage } from '../stage.ts'
import { until } from '../until.ts'
import type { Registry } from './registry.ts'
import { SOMEONE } from './registry.ts'

const AT = 'tcp@10.0.0.1:8972'

/** A server that crashed and is back at its address before its old life is over, whose end then takes nothing along. */
export async function survivesARestart<S extends RegistryStage>(
  registry: Registry<S>,
  stage: S,
  options: OldLife,
): Promise<void> {
  const first = stage.program('server', { service: 'Arith', metadata: 'is=first' })
  const { what } = await first.told.until(({ event }) => event === 'published')
  const address = what.address as string
  const view = stage.view('Arith')
  await view.shows({ [address]: 'is=first' })
  const isOver = await options.watch(address)
  await first.close()
  const listen = address.slice('tcp@'.length)
  const { told } = await stage.published('Arith', { listen, metadata: 'is=second' })
  await view.shows({ [address]: 'is=second' })
  await until(isOver, options.withinMs)
  // Whatever the end of the old life could have taken along is shown before this.
  await registry.put(stage, 'Arith', SOMEONE, '')
  await view.until(list => SOMEONE in list)
  expect(view.all).toEqual([
    { [address]: 'is=first' },
    { [address]: 'is=second' },
    { [address]: 'is=second', [SOMEONE]: '' },
  ])
  expect(told.all.map(({ event }) => event)).toEqual(['registered'])
}

export interface OldLife {
  /** Resolves to what tells whether the life that the entry has now is over. */
  watch(address: string): Promise<() => Promise<boolean>>
  readonly withinMs: number
}

/** Two servers of one address, of which the earlier one closes: the entry is the later one's all the time. */
export async function outlastsAnEarlierOne<S extends RegistryStage>(
  registry: Registry<S>,
  stage: S,
): Promise<void> {
  const view = stage.view('Arith')
  const first = await stage.published('Arith', { serviceAddress: AT, metadata: 'is=first' })
  const second = await stage.published('Arith', { serviceAddress: AT, metadata: 'is=second' })
  await view.until(list => list[AT] === 'is=second')
  const { mark } = view
  await first.server.close()
  await registry.put(stage, 'Arith', SOMEONE, '')
  await view.until(list => SOMEONE in list)
  for (const list of view.since(mark - 1)) expect(list[AT]).toBe('is=second')
  expect(view.all.every(list => Object.keys(list).length === 0 || AT in list)).toBe(true)
  expect(second.told.all.map(({ event }) => event)).toEqual(['registered'])
}

/** A client that waited since before there was any server. */
export async function isSeenByWhoWaited(stage: RegistryStage): Promise<void> {
  const view = stage.view('Arith')
  await view.shows({})
  const { address, told } = await stage.published('Arith')
  const registered = await told.until(({ event }) => event === 'registered')
  const seen = await view.shows({ [address]: '' })
  atMost(1_000, 'the first server is seen', seen.at - registered.at)
}
