import type { Candidate, Selector } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import { closest } from '../../../src/client/select/closest.ts'
import { consistentHash } from '../../../src/client/select/consistent-hash.ts'
import { leastActive } from '../../../src/client/select/least-active.ts'
import { ping, weightOfPing } from '../../../src/client/select/ping.ts'
import { random } from '../../../src/client/select/random.ts'
import { roundRobin } from '../../../src/client/select/round-robin.ts'
import { subsetOf } from '../../../src/client/select/subset.ts'
import { weightedRoundRobin } from '../../../src/client/select/weighted-round-robin.ts'
import { zoned } from '../../../src/client/select/zoned.ts'
import type { Clock } from '../../../src/clock.ts'
import { systemClock } from '../../../src/clock.ts'
import { alikeCandidates, callOf, candidate } from './candidates.ts'

const PICKS = 100_000

/** Counts how often each server is picked. */
function counts(selector: Selector, servers: readonly Candidate[], listed = servers): number[] {
  const byServer = new Map<Candidate | undefined, number>()
  selector.update?.(listed)
  for (let i = 0; i < PICKS; i++) {
    const chosen = selector.pick(servers, callOf(i))
    byServer.set(chosen, (byServer.get(chosen) ?? 0) + 1)
  }
  expect(byServer.has(undefined)).toBe(false)
  return servers.map(server => byServer.get(server) ?? 0)
}

/**
 * Whether counts fit the shares that they should have: χ², whose chance to be so high is one in a million. By Wilson and
 * Hilferty's approximation of its distribution.
 */
function expectFair(found: readonly number[], shares: readonly number[]): void {
  const total = shares.reduce((sum, share) => sum + share, 0)
  let chi2 = 0
  for (const [i, count] of found.entries()) {
    const expected = ((shares[i] as number) / total) * PICKS
    if (expected === 0) expect(count).toBe(0)
    else chi2 += (count - expected) ** 2 / expected
  }
  const degrees = shares.filter(share => share > 0).length - 1
  const limit = degrees * (1 - 2 / (9 * degrees) + 4.75 * Math.sqrt(2 / (9 * degrees))) ** 3
  expect(chi2).toBeLessThan(limit)
}

const weights = [1, 2, 3, 5, 8, 0, -3, 13]

describe('over 100 000 picks', () => {
  test.each<[string, (clock: Clock) => Selector]>([
    ['random', random],
    ['roundRobin', roundRobin],
    ['weightedRoundRobin without weights', weightedRoundRobin],
    ['consistentHash', () => consistentHash('Arith', undefined)],
    ['closest to all alike', () => closest(systemClock, { latitude: 0, longitude: 0 })],
    ['ping', ping],
    ['leastActive', leastActive],
  ])('%s gives each of 10 servers its share', (_mode, selector) => {
    const servers = alikeCandidates(10, () => 'latitude=1&longitude=1')
    expectFair(
      counts(selector(systemClock), servers),
      servers.map(() => 1),
    )
  })

  test.each([1, 1_000_000])('weightedRoundRobin gives each server its share by weight, times %i', factor => {
    const servers = alikeCandidates(8, i => `weight=${(weights[i] as number) * factor}`)
    // The larger ones are odd, so that they have no common divisor and go by chance.
    if (factor > 1) servers[7] = candidate('tcp@z:1', `weight=${13 * factor + 1}`)
    expectFair(
      counts(weightedRoundRobin(systemClock), servers),
      weights.map(weight => Math.max(weight, 0)),
    )
  })

  test('ping gives each server its share by the round-trip time of its heartbeats', () => {
    const times = [1, 10, 50, 150, 199.5, 1_000, undefined]
    const servers = times.map((pingMs, i) => candidate(`tcp@${i}:1`, '', { pingMs }))
    const shares = times.map(weightOfPing)
    expect(shares).toEqual([191, 191, 151, 51, 2, 1, 1])
    expectFair(counts(ping(systemClock), servers), shares)
  })
})

describe('weightedRoundRobin', () => {
  test.each([[[0]], [[-1]], [[0, -5, 0]], [[-(2 ** 40)]]])('with weights of %j picks none', weights => {
    const selector = weightedRoundRobin(systemClock)
    const servers = alikeCandidates(weights.length, i => `weight=${weights[i]}`)
    expect(selector.pick(servers, callOf(1))).toBeUndefined()
  })
})

describe('leastActive', () => {
  test('avoids the server with most calls in flight, and the slow one', () => {
    const servers = [
      candidate('tcp@a:1', '', { inFlight: 0, latencyMs: 1 }),
      candidate('tcp@b:1', '', { inFlight: 9, latencyMs: 1 }),
      candidate('tcp@c:1', '', { inFlight: 0, latencyMs: 50 }),
    ]
    const [idle, busy, slow] = counts(leastActive(systemClock), servers) as [number, number, number]
    // Of three pairs, the idle one wins its two, and the busy one its one.
    expect(idle).toBeGreaterThan(PICKS * 0.64)
    expect(busy).toBeGreaterThan(PICKS * 0.3)
    expect(slow).toBe(0)
  })
})

describe('consistentHash', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => callOf(i))

  test('moves only the keys of a server that leaves, and spreads them over the others', () => {
    const servers = alikeCandidates(10)
    const selector = consistentHash('Arith', undefined)
    selector.update?.(servers)
    const before = keys.map(key => selector.pick(servers, key))
    const left = servers.filter((_, i) => i !== 3)
    selector.update?.(left)
    const after = keys.map(key => selector.pick(left, key))
    const moved = keys.map((_, i) => i).filter(i => before[i] !== after[i])
    expect(moved.every(i => before[i] === servers[3])).toBe(true)
    expect(moved.length / keys.length).toBeLessThan(0.11)
    expect(new Set(moved.map(i => after[i])).size).toBe(9)
  })

  test('moves the keys of a server only while it is ejected', () => {
    const servers = alikeCandidates(10)
    const selector = consistentHash('Arith', undefined)
    selector.update?.(servers)
    const before = keys.map(key => selector.pick(servers, key))
    const inService = servers.filter((_, i) => i !== 3 && i !== 7)
    const during = keys.map(key => selector.pick(inService, key))
    for (const [i, server] of before.entries()) {
      if (inService.includes(server as Candidate)) expect(during[i]).toBe(server)
      else expect(inService).toContain(during[i])
    }
    expect(keys.map(key => selector.pick(servers, key))).toEqual(before)
  })

  test('picks the same servers in all clients that saw the same list', () => {
    const picks = [1, 2].map(() => {
      const servers = alikeCandidates(7)
      const selector = consistentHash('Arith', undefined)
      selector.update?.(servers)
      return keys.slice(0, 500).map(key => servers.indexOf(selector.pick(servers, key) as Candidate))
    })
    expect(picks[0]).toEqual(picks[1])
  })
})

describe('a zone', () => {
  const servers = alikeCandidates(20, i => (i < 10 ? 'zone=here' : 'zone=there'))
  const shareAtHome = (down: number): number => {
    const selector = zoned(systemClock, 'here', random(systemClock), random(systemClock))
    return (
      counts(selector, servers.slice(down), servers).reduce((sum, n, i) => sum + (i < 10 - down ? n : 0), 0) /
      PICKS
    )
  }

  test.each([
    [0, 1],
    [3, 1],
    [5, 0.5 / 0.7],
    [9, 0.1 / 0.7],
    [10, 0],
  ])('whose %i of 10 servers are ejected keeps its share of the calls', (down, share) => {
    expect(Math.abs(shareAtHome(down) - share)).toBeLessThan(0.02)
  })
})

describe('a subset', () => {
  test('has the requested size, is the same for the same key, and loads all servers', () => {
    const endpoints = alikeCandidates(200).map(({ endpoint }) => endpoint)
    const loads = new Map<string, number>()
    for (let client = 0; client < 500; client++) {
      const subset = subsetOf(endpoints, { size: 20, key: `client ${client}` })
      expect(subset).toHaveLength(20)
      expect(subsetOf([...endpoints].reverse(), { size: 20, key: `client ${client}` }).reverse()).toEqual(
        subset,
      )
      for (const { address } of subset) loads.set(address, (loads.get(address) ?? 0) + 1)
    }
    // 50 clients each, on average.
    expect(loads.size).toBe(200)
    expect(Math.min(...loads.values())).toBeGreaterThan(20)
    expect(Math.max(...loads.values())).toBeLessThan(90)
  })

  test('changes by one server when one of its servers leaves', () => {
    const endpoints = alikeCandidates(100).map(({ endpoint }) => endpoint)
    const before = subsetOf(endpoints, { size: 10, key: 'k' })
    const after = subsetOf(
      endpoints.filter(endpoint => endpoint !== before[4]),
      { size: 10, key: 'k' },
    )
    expect(after.filter(endpoint => !before.includes(endpoint))).toHaveLength(1)
    expect(after).toHaveLength(10)
  })
})
