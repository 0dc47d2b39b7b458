import { contest } from '../contest.ts'
import type { Row } from '../row.ts'
import type { Task } from '../task.ts'

/** Shows that a call costs the same with many servers in the list, and with many services on the server. */
export async function* flatness(rounds: number, ms: number): AsyncGenerator<Row> {
  const bytes: Task = { exchange: 'bytes' }
  const pairs: readonly [string, 'endpoints' | 'services', number, number][] = [
    ['581 bytes, 100 concurrent calls, by servers in the list', 'endpoints', 2, 10_000],
    ['581 bytes, 100 concurrent calls, by services of the server', 'services', 4, 1_000],
  ]
  for (const [work, key, few, many] of pairs) {
    const noun = key === 'endpoints' ? 'servers' : 'services'
    const entrants = {
      [`${few} ${noun}`]: ['rpcx', { ...bytes, [key]: few }],
      [`${many.toLocaleString('en')} ${noun}`]: ['rpcx', { ...bytes, [key]: many }],
    } as const
    const [to = '', of = ''] = Object.keys(entrants)
    const figures = await contest(entrants, 2 * rounds, { concurrency: 100, ms: ms / 2 }, { casts: rounds })
    yield { work, unit: 'calls/s', figures, targets: [{ of, to, atLeast: 0.95 }] }
  }
}
