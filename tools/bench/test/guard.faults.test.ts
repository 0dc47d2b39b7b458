import { expect, test } from 'vitest'
import type { Entrants } from '../src/contest.ts'
import { contest } from '../src/contest.ts'
import { ratioOf } from '../src/row.ts'
import type { Task } from '../src/task.ts'

// Far below the target, because test machines do much at the same time. A ratio below this means that rpcx lost half of its speed.
const LEAST = 0.25

test.each<[string, Task, number]>([
  ['581 bytes, 100 concurrent calls', { exchange: 'bytes' }, 100],
  ['581 bytes, 1 000 concurrent calls', { exchange: 'bytes' }, 1_000],
  ['Arith.Mul, 100 concurrent calls', { exchange: 'arith' }, 100],
])('%s: rpcx is no slower in relation to the floor than it was', async (work, task, concurrency) => {
  const entrants: Entrants = { rpcx: ['rpcx', task], floor: ['floor', task] }
  const figures = await contest(entrants, 5, { concurrency, ms: 500 })
  const target = { of: 'rpcx', to: 'floor', atLeast: LEAST }
  const ratio = ratioOf({ work, unit: 'calls/s', figures, targets: [target] }, target)
  console.info(`${work}: ${ratio.toFixed(2)} × the floor`)
  expect(ratio).toBeGreaterThan(LEAST)
})
