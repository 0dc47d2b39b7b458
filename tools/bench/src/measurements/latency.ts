import { contest } from '../contest.ts'
import { median } from '../figures.ts'
import type { Row } from '../row.ts'
import type { Task } from '../task.ts'

/** How long the slowest hundredth of calls takes at half of our maximum, whether the server keeps up or not. */
export async function* latency(rounds: number, ms: number): AsyncGenerator<Row> {
  const task: Task = { exchange: 'bytes' }
  const most = { concurrency: 1_000, ms }
  const { rpcx = [] } = await contest({ rpcx: ['rpcx', task] }, 3, most)
  const perSecond = Math.round(median(rpcx) / 2)
  const entrants = {
    rpcx: ['rpcx', task],
    floor: ['floor', task],
    promised: ['promised', task],
  } as const
  const order = { perSecond, ms }
  // Code that has not run often is slow, and at an even rate would never catch up.
  const warmUp = [most, most, order, order]
  yield {
    work: `581 bytes, ${perSecond.toLocaleString('en')} calls/s`,
    unit: 'ms at p99',
    figures: await contest(entrants, 2 * rounds, order, { warmUp }),
    targets: [{ of: 'rpcx', to: 'floor', atMost: 2 }],
  }
}
