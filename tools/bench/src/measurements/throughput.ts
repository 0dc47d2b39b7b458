import { authority, identity } from '../../../servers/src/certificates.ts'
import { contest } from '../contest.ts'
import type { ContestantName } from '../contestants/index.ts'
import type { Row } from '../row.ts'
import type { Task } from '../task.ts'

/** Measures calls per second, in turns with other libraries that do the same. */
export async function* throughput(rounds: number, ms: number): AsyncGenerator<Row> {
  for (const { work, task, concurrency, targets } of works()) {
    const others = Object.keys(targets) as ContestantName[]
    const entrants = Object.fromEntries(
      (['rpcx', ...others] as const).map(name => [name, [name, task] as const]),
    )
    const figures = await contest(entrants, rounds, { concurrency, ms })
    yield {
      work: `${work}, ${concurrency === 1 ? '1 call at a time' : `${concurrency.toLocaleString('en')} concurrent calls`}`,
      unit: 'calls/s',
      figures,
      targets: Object.entries(targets).flatMap(([to, atLeast]) =>
        atLeast === 0 ? [] : [{ of: 'rpcx', to, atLeast }],
      ),
    }
  }
}

interface Work {
  readonly work: string
  readonly task: Task
  readonly concurrency: number
  /** The other contestants, each with the ratio of our calls to theirs that is the target; 0 without a target. */
  readonly targets: Partial<Record<ContestantName, number>>
}

function works(): Work[] {
  const small = { work: '581 bytes', task: { exchange: 'bytes', bytes: 581 } } as const
  const arith = { work: 'Arith.Mul, typed', task: { exchange: 'arith' } } as const
  const kibi = 1_024
  const others = { connect: 0, http: 0 }
  return [
    { ...small, concurrency: 1, targets: { tcp: 0.9, floor: 0, 'grpc-js': 0, moleculer: 0, ...others } },
    { ...small, concurrency: 100, targets: { floor: 0.75, 'grpc-js': 30, moleculer: 3.5, ...others } },
    {
      ...small,
      concurrency: 1_000,
      targets: { floor: 0.75, promised: 0, 'grpc-js': 50, moleculer: 5, ...others },
    },
    { ...arith, concurrency: 100, targets: { floor: 0.75 } },
    { ...arith, concurrency: 1_000, targets: { floor: 0.75 } },
    {
      work: 'object of 1 KB, typed',
      task: { exchange: 'object' },
      concurrency: 100,
      targets: { floor: 0.75 },
    },
    {
      work: '64 KiB',
      task: { exchange: 'bytes', bytes: 64 * kibi },
      concurrency: 1,
      targets: { tcp: 0.75 },
    },
    {
      work: '1 MiB',
      task: { exchange: 'bytes', bytes: kibi * kibi },
      concurrency: 1,
      targets: { tcp: 0.75 },
    },
    {
      work: '581 bytes over TLS',
      task: { ...small.task, tls: certificate() },
      concurrency: 100,
      targets: { floor: 0.7 },
    },
  ]
}

function certificate(): NonNullable<Task['tls']> {
  const issuer = authority('bench')
  return { ...identity(issuer, 'localhost'), ca: issuer.cert }
}
