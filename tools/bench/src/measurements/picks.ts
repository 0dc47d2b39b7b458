import type { Candidate } from '@rpcx/core'
import { systemClock } from '@rpcx/core'
import { selectorsFor } from '../../../../packages/core/src/client/select/select-mode.ts'
import type { Row } from '../row.ts'

/** Measures how many servers per second each selector picks among 10 000, on one core. */
export async function* picks(rounds: number, ms: number): AsyncGenerator<Row> {
  const figures: Record<string, number[]> = {}
  for (const selectMode of modes) {
    const selector = selectorsFor(systemClock, 'Arith', { selectMode })()
    selector.update?.(servers)
    figures[selectMode] = Array.from({ length: rounds }, () => {
      const end = performance.now() + ms / 3
      let count = 0
      for (; performance.now() < end; count += 1_000) {
        for (let i = 0; i < 1_000; i++) {
          if (selector.pick(servers, call) === undefined) throw new Error(`${selectMode} chose none`)
        }
      }
      return count / (ms / 3) / 1_000
    })
  }
  const bound = (millions: number): number[] => Array.from({ length: rounds }, () => millions)
  yield {
    work: 'picks among 10,000 servers',
    unit: 'million per second',
    figures: { ...figures, '5 million': bound(5), '2 million': bound(2) },
    targets: [
      { of: 'random', to: '5 million', atLeast: 1 },
      { of: 'weightedRoundRobin', to: '2 million', atLeast: 1 },
    ],
  }
}

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
