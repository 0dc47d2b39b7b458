import type { Candidate } from '@rpcx/core'
import { selectorsFor } from '../../../packages/core/src/client/select/select-mode.ts'

// How many servers a second each selector chooses from 10 000, on one core.

const modes = ['random', 'roundRobin', 'weightedRoundRobin', 'leastActive', 'consistentHash', 'ping'] as const
const servers: readonly Candidate[] = Array.from({ length: 10_000 }, (_, i) => ({
  endpoint: {
    address: `tcp@10.0.${i >> 8}.${i & 255}:8972`,
    network: 'tcp',
    metadata: `weight=${1 + (i % 100)}`,
    values: new Map([['weight', [String(1 + (i % 100))]]]),
  },
  inFlight: i % 7,
  latencyMs: 1 + (i % 5),
  pingMs: i % 250,
}))
const call = { method: 'Mul', args: { A: 10, B: 20 }, metadata: {} }
const ROUNDS = 7
const MS = 300

console.log('choices a second among 10 000 servers, median (lowest–highest)\n')
for (const selectMode of modes) {
  const selector = selectorsFor('Arith', { selectMode })()
  selector.update?.(servers)
  const figures = Array.from({ length: ROUNDS }, () => {
    const end = performance.now() + MS
    let picks = 0
    for (; performance.now() < end; picks += 1_000) {
      for (let i = 0; i < 1_000; i++) {
        if (selector.pick(servers, call) === undefined) throw new Error(`${selectMode} chose none`)
      }
    }
    return (picks * 1_000) / MS
  }).sort((a, b) => a - b)
  const [low, middle, high] = [figures[0], figures[ROUNDS >> 1], figures[ROUNDS - 1]].map(millions)
  console.log(`${selectMode.padEnd(20)} ${middle} M (${low}–${high})`)
}

function millions(figure = Number.NaN): string {
  return (figure / 1e6).toFixed(1)
}
