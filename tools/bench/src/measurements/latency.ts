import type { Entrants } from '../contest.ts'
import { contest } from '../contest.ts'
import { Pair } from '../pair.ts'
import type { Row } from '../row.ts'
import type { Task } from '../task.ts'

/** Measures the 99th percentile of the latency at half of our maximum rate, whether the server keeps up or not. */
export async function* latency(rounds: number, ms: number): AsyncGenerator<Row> {
  const task: Task = { exchange: 'bytes' }
  const perSecond = Math.round((await sustained(task, ms)) / 2)
  const both = { rpcx: ['rpcx', task], floor: ['floor', task] } as const
  const work = `581 bytes, ${perSecond.toLocaleString('en')} calls/s`
  yield await slowest(work, { ...both, promised: ['promised', task] }, [])
  // The threads of the garbage collector occupy the processor of the server, which then waits for the client's processor.
  yield await slowest(`${work}, single-threaded garbage collection`, both, ['--single-threaded-gc'])

  async function slowest(work: string, entrants: Entrants, flags: readonly string[]): Promise<Row> {
    const order = { perSecond, ms }
    // Code that has run only a few times is slow, and would never catch up at an even rate.
    const warmUp = [{ concurrency: 1_000, ms }, order]
    const figures = await contest(entrants, 2 * rounds, order, { warmUp, casts: 2, flags })
    return { work, unit: 'ms at p99', figures, targets: [{ of: 'rpcx', to: 'floor', atMost: 2 }] }
  }
}

/** Returns the most calls per second that can start at an even rate without piling up. */
async function sustained(task: Task, ms: number): Promise<number> {
  await using pair = await Pair.start('rpcx', task)
  const most = { concurrency: 1_000, ms }
  await pair.run(most)
  await pair.run(most)
  // The rate with 1 000 concurrent calls is an upper limit, because calls that start evenly share fewer writes.
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
