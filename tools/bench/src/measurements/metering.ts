import { contest } from '../contest.ts'
import type { Row } from '../row.ts'

/** Measures what the metrics of a server cost. The CPU time per call varies less than the calls per second. */
export async function* metering(rounds: number, ms: number): AsyncGenerator<Row> {
  const entrants = {
    'with metrics': ['metered', { exchange: 'bytes' }],
    'without metrics': ['unmetered', { exchange: 'bytes' }],
  } as const
  const order = { concurrency: 100, ms: ms / 2 }
  const figures = await contest(entrants, 4 * rounds, order, {
    casts: 2 * rounds,
    async measure(pair) {
      const before = await pair.serverCpu()
      const perSecond = await pair.run(order)
      return ((await pair.serverCpu()) - before) / ((perSecond * order.ms) / 1_000)
    },
  })
  yield {
    work: '581 bytes, 100 concurrent calls, metrics of the server',
    unit: 'µs of server CPU per call',
    figures,
    targets: [{ of: 'with metrics', to: 'without metrics', atMost: 1.03 }],
  }
}
