import type { Entrants } from '../contest.ts'
import { contest } from '../contest.ts'
import { Pair } from '../pair.ts'
import type { Row } from '../row.ts'
import type { Task } from '../task.ts'

/** How long the slowest hundredth of calls takes at half of our maximum, whether the server keeps up or not. */
export async function* latency(rounds: number, ms: number): AsyncGenerator<Row> {
  const task: Task = { exchange: 'bytes' }
  const perSecond = Math.round((await sustained(task, ms)) / 2)
  const both = { rpcx: ['rpcx', task], floor: ['floor', task] } as const
  const work = `581 bytes, ${perSecond.toLocaleString('en')} calls/s`
  yield await slowest(work, { ...both, promised: ['promised', task] }, [])
  // Threads that collect memory take the processor of the server, which then waits behind the client for the other one.
  yield await slowest(`${work}, memory collected by no threads`, both, ['--single-threaded-gc'])

  async function slowest(work: string, entrants: Entrants, flags: readonly string[]): Promise<Row> {
    const order = { perSecond, ms }
    // Code that has not run often is slow, and at an even rate would never catch up.
    const warmUp = [{ concurrency: 1_000, ms }, order]
    const figures = await contest(entrants, 2 * rounds, order, { warmUp, casts: 2, flags })
    return { work, unit: 'ms at p99', figures, targets: [{ of: 'rpcx', to: 'floor', atMost: 2 }] }
  }
}

/** The most calls a second that we make when they start at an even rate, and do not pile up. */
async function sustained(task: Task, ms: number): Promise<number> {
  await using pair = await Pair.start('rpcx', task)
  const most = { concurrency: 1_000, ms }
  await pair.run(most)
  await pair.run(most)
  // More than with 1 000 under way is out of reach: calls that start evenly share fewer writes.
  let tooMany = await pair.run(most)
  let kept = 0
  for (let step = 0; step < 5; step++) {
    const perSecond = Math.round((kept + tooMany) / 2)
    if ((await pair.run({ perSecond, ms })) < PILED_UP_MS) kept = perSecond
    else tooMany = perSecond
  }
  return kept
}

const PILED_UP_MS = 50
