import type { ContestantName } from './contestants/index.ts'
import { contestants } from './contestants/index.ts'
import { percentile } from './figures.ts'
import type { Order } from './pair.ts'

// The client process of one contestant, which makes calls when the parent process asks for them.

const [name, task, address] = process.argv.slice(2)
const { connect } = await contestants[name as ContestantName]()
const load = await connect(address ?? '', JSON.parse(task ?? '{}'))

process.on('message', async (order: Order) => {
  process.send?.(
    'concurrency' in order
      ? await load.closed(order.concurrency, order.ms)
      : await slowest(order.perSecond, order.ms),
  )
})
process.once('disconnect', () => process.exit())
process.send?.('ready')

/** Returns the 99th percentile of the calls at that rate, without the first half second. */
async function slowest(perSecond: number, ms: number): Promise<number> {
  const times = await load.open(perSecond, LEAD_MS + ms)
  return percentile(times.subarray((perSecond * LEAD_MS) / 1_000), 0.99)
}

// Two processes that were idle share one processor at first, and their memory has left the caches: for up to 100 ms calls take 5 to 20 ms.
const LEAD_MS = 500
