import { laws } from '@rpcx/contract'
import type { Driver } from '@rpcx/core'
import { describe, expect, test } from 'vitest'
import type { Flaw } from './broken/registering.ts'
import { registering } from './broken/registering.ts'
import { violations } from './broken/violations.ts'
import { watching } from './broken/watching.ts'
import { memoryBench } from './memory/bench.ts'
import { MemoryDriver } from './memory/driver.ts'
import { MemoryRegistry } from './memory/registry.ts'

const flaws: Readonly<Record<string, Flaw>> = { ...registering, ...watching }

test('every law is broken by a registry, and every broken registry breaks a law', () => {
  const used = new Set(Object.values(violations).flatMap(says => Object.keys(says)))
  expect(Object.keys(violations).sort()).toEqual(Object.keys(laws).sort())
  expect([...used].sort()).toEqual(Object.keys(flaws).sort())
})

const cases = Object.entries(violations).flatMap(([law, all]) =>
  Object.entries(all).map(([flaw, says]) => [law, flaw, says] as const),
)
// Laws that count the resources of the process run alone.
const alone = cases.filter(([law]) => law.startsWith('200 clients'))
const together = cases.filter(([law]) => !law.startsWith('200 clients'))

describe('a law is broken', () => {
  test.concurrent.each(together)('%s: by a registry that %s', isBroken, 30_000)
  test.each(alone)('%s: by a registry that %s', isBroken, 30_000)
})

async function isBroken(law: string, flaw: string, says: RegExp): Promise<void> {
  const registry = new MemoryRegistry()
  const correct = (): Driver => new MemoryDriver(registry)
  const bench = memoryBench(registry, () => flaws[flaw]?.(correct(), registry) ?? correct())
  const limitMs = SLOW.has(law) || SLOW.has(flaw) ? 12_000 : 6_000
  const broken = expect(laws[law]?.(bench, { limitMs, seed: 7 })).rejects
  await broken.toThrow(says)
  await broken.toThrow(/\nLook at \S/)
}

/** Laws and flaws that need a longer time limit. */
const SLOW = new Set([
  'polls once a second',
  'every list equals the registry once all changes have ended, whatever happened before',
  'registers a lost entry late',
  'never finishes closing',
])
