import { describe, expect, test } from 'vitest'
import { closest, distance } from '../../../src/client/select/closest.ts'
import { consistentHash } from '../../../src/client/select/consistent-hash.ts'
import { DoubleJump, jump } from '../../../src/client/select/double-jump.ts'
import { fnv1a } from '../../../src/client/select/fnv.ts'
import { printed } from '../../../src/client/select/hash-key.ts'
import { weightOf } from '../../../src/client/select/weight.ts'
import { WeightedTurns } from '../../../src/client/select/weighted-turns.ts'
import { systemClock } from '../../../src/clock.ts'
import { parseEndpoint } from '../../../src/discovery/discovery.ts'
import { vectors } from '../../vectors.ts'
import { callOf, candidate, candidates } from './candidates.ts'

describe('the weight of a server has the same value as in Go', () => {
  test.each(vectors.weightParsing.vectors)('$metadata: $weight', ({ metadata, weight }) => {
    expect(weightOf(parseEndpoint('tcp@a:1', metadata))).toBe(weight)
  })
})

describe('weighted turns have the same order as in Go', () => {
  // A weight below 0 would keep others from their turns, too: in Go, of 5, -1 and 1 only the first ever gets one.
  const sane = vectors.weightedRoundRobin.vectors.filter(({ weights }) =>
    weights.every(weight => weight >= 0),
  )
  test.each(sane)('by the weights $weights', ({ weights, picks }) => {
    const turns = new WeightedTurns(systemClock, weights)
    const order = Array.from(picks, () => 'abcdefgh'[turns.next() ?? 7])
    expect(order.join('')).toBe(picks)
  })

  test('except for one recording', () => {
    expect(vectors.weightedRoundRobin.vectors.length - sane.length).toBe(1)
  })
})

describe('distances are the same as in Go', () => {
  test.each(vectors.closest.distances)('from $from to $to', ({ from, to, meters }) => {
    const [a, b] = [from, to].map(name => vectors.closest.points.find(point => point.name === name))
    if (a === undefined || b === undefined) throw new Error('no such place')
    expect(Math.abs(distance(a, b) - meters)).toBeLessThanOrEqual(meters * 1e-12)
  })
})

describe('the closest server is the same as in Go', () => {
  test.each(vectors.closest.picks)('for $client', ({ picks, ...position }) => {
    const selector = closest(systemClock, position)
    const servers = candidates(vectors.closest.servers)
    const chosen = new Set<string | undefined>()
    for (let i = 0; i < 50; i++) chosen.add(selector.pick(servers, callOf(i))?.endpoint.address)
    expect([...chosen].sort()).toEqual([...picks].sort())
  })

  test('none, when no server has a position', () => {
    const selector = closest(systemClock, { latitude: 1, longitude: 2 })
    const servers = candidates({
      'tcp@a:1': '',
      'tcp@b:1': 'latitude=1',
      'tcp@c:1': 'latitude=NaN&longitude=1',
    })
    expect(selector.pick(servers, callOf(1))).toBeUndefined()
  })
})

describe('consistent hashing is the same as in Go', () => {
  const { keys, sets, selectorGrownOneByOne } = vectors.consistentHash

  test.each(keys)('in the hash and the buckets of $keyString', ({ keyString, fnv1a64, jump: buckets }) => {
    const { high, low } = fnv1a(keyString)
    expect(String((BigInt(high) << 32n) | BigInt(low))).toBe(fnv1a64)
    for (const [count, bucket] of Object.entries(buckets))
      expect(jump({ high, low }, Number(count))).toBe(bucket)
  })

  test.each(Object.entries(sets))('in the servers of the set %s', (name, { ops }) => {
    const hash = new DoubleJump<string>()
    for (const [op, address] of ops) hash[op](address)
    for (const { keyString, picks } of keys) expect(hash.get(fnv1a(keyString))).toBe(picks[name])
  })

  // What has no counterpart in JavaScript is left out: pointers, durations, float32, nil slices in a struct.
  const values: Readonly<Record<string, unknown>> = {
    nil: null,
    '42': 42,
    '-1': -1,
    'uint64 max': 2n ** 64n - 1n,
    '1.5': 1.5,
    'float64 1': 1,
    'float64 1e21': 1e21,
    'float64 1e20': 1e20,
    'float64 0.1': 0.1,
    'float64 1e-7': 1e-7,
    NaN: Number.NaN,
    '+Inf': Number.POSITIVE_INFINITY,
    true: true,
    '""': '',
    '"key"': 'key',
    '"a/b"': 'a/b',
    '"日本"': '日本',
    '[]byte{1,2,255}': new Uint8Array([1, 2, 255]),
    '[]int{1,2,3}': [1, 2, 3],
    '[]string{"a","b c"}': ['a', 'b c'],
    '[]string(nil)': [],
    'map[string]int{b:2,a:1}': new Map([
      ['b', 2],
      ['a', 1],
    ]),
    'map[string]any{}': new Map(),
    'Args{10,20} (struct by value)': { A: 10, B: 20 },
    'time 2026-03-04T05:06:07Z': new Date('2026-03-04T05:06:07Z'),
    '[2]bool{true,false}': [true, false],
    'struct{}{}': {},
    '[]any{1,"a",nil}': [1, 'a', null],
  }
  test.each(Object.entries(values))('in the key of %s', (args, value) => {
    const key = keys.find(known => known.args === args)
    const prefix = `/${key?.servicePath}/${key?.serviceMethod}/`
    expect(`${prefix}${printed(value)}`).toBe(key?.keyString)
  })

  test('in all picks of a client that saw the servers come one by one', () => {
    const selector = consistentHash('Arith', undefined)
    const servers = (sets.ten?.ops ?? []).map(([, address]) => candidate(address))
    for (let count = 1; count <= servers.length; count++) selector.update?.(servers.slice(0, count))
    const picks = selectorGrownOneByOne.picks.map(
      (_, i) => selector.pick(servers, callOf({ A: i, B: i * i }))?.endpoint.address,
    )
    expect(picks).toEqual(selectorGrownOneByOne.picks)
  })
})
