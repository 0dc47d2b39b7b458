import { expect, test } from 'vitest'
import type { Settings } from '../src/plan.ts'
import { nameOf, planOf, timeline } from '../src/plan.ts'
import { Pulse } from '../src/pulse.ts'

const settings: Settings = { seed: 1, registry: 'etcd', seconds: 60, servers: 4, clients: 3, lossy: true }

test('a plan is the same for the same seed, and different for another', () => {
  expect(planOf(settings)).toEqual(planOf(settings))
  expect(planOf({ ...settings, seed: 2 })).not.toEqual(planOf(settings))
})

test('a plan of a minute has every kind of fault, in the order of time', () => {
  const plan = planOf(settings)
  expect(new Set(plan.map(({ kind }) => kind)).size).toBe(10)
  expect(plan.map(({ at }) => at)).toEqual(plan.map(({ at }) => at).toSorted((a, b) => a - b))
  expect(timeline(plan).split('\n')).toHaveLength(plan.length)
  expect(timeline(plan)).toMatch(
    /^ +\d+\.\d{3} s {2}(the registry|the network|server\d|client\d) .* for \d+ ms$/m,
  )
})

test('no target has two faults at the same time', () => {
  for (let seed = 0; seed < 50; seed++) {
    const free = new Map<string, number>()
    for (const { target, at, forMs } of planOf({ ...settings, seed })) {
      expect(at).toBeGreaterThanOrEqual(free.get(nameOf(target)) ?? 0)
      free.set(nameOf(target), at + forMs)
    }
  }
})

test('a plan without its own network loses no packets', () => {
  expect(planOf({ ...settings, lossy: false }).map(({ kind }) => kind)).not.toContain('lose')
})

test('a pulse counts the time in which its process is blocked, and no other time', async () => {
  const pulse = new Pulse()
  await new Promise(resolve => setTimeout(resolve, 50))
  const before = pulse.stalledMs()
  const end = performance.now() + 300
  while (performance.now() < end);
  const stalled = pulse.stalledMs() - before
  pulse.stop()
  expect(stalled).toBeGreaterThan(250)
  expect(stalled).toBeLessThan(400)
})
