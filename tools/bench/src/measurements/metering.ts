import { contest } from '../contest.ts'
import type { Row } from '../row.ts'

/** What the metrics of a server cost. Its time on a processor a call varies less than the calls that it takes a second. */
export async function* metering(rounds: number, ms: number): AsyncGenerator<Row> {
  const entrants = {
    metered: ['metered', { exchange: 'bytes' }],
    unmetered: ['unmetered', { exchange: 'bytes' }],
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
    work: '581 bytes, 100 at once, metrics of the server',
    unit: 'µs of its processor a call',
    figures,
    targets: [{ of: 'metered', to: 'unmetered', atMost: 1.03 }],
  }
}
