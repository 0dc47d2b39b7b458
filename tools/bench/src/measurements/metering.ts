import { contest } from '../contest.ts'
import type { Row } from '../row.ts'

/** What the metrics of a server cost. Its time on a processor a call varies less than the calls that it takes a second. */
export async function* metering(rounds: number, ms: number): AsyncGenerator<Row> {
  const entrants = {
    metered: ['metered', { exchange: 'bytes' }],
    unmetered: ['unmetered', { exchange: 'bytes' }],
  } as const
  const order = { concurrency: 100, ms }
  const figures = await contest(entrants, 3 * rounds, order, async pair => {
    const before = await pair.serverCpu()
    const perSecond = await pair.run(order)
    return ((await pair.serverCpu()) - before) / ((perSecond * ms) / 1_000)
  })
  yield {
    work: '581 bytes, 100 at once, metrics of the server',
    unit: 'µs of its processor a call',
    figures,
    targets: [{ of: 'metered', to: 'unmetered', atMost: 1.03 }],
  }
}
