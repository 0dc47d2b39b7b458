import type { ContestantName } from './contestants/index.ts'
import { contestants } from './contestants/index.ts'
import { percentile } from './figures.ts'
import type { Order } from './pair.ts'

// The client process of one contestant: makes calls on order.

const [name, task, address] = process.argv.slice(2)
const { connect } = await contestants[name as ContestantName]()
const load = await connect(address ?? '', JSON.parse(task ?? '{}'))

process.on('message', async (order: Order) => {
  process.send?.(
    'concurrency' in order
      ? await load.closed(order.concurrency, order.ms)
      : percentile(await load.open(order.perSecond, order.ms), 0.99),
  )
})
process.once('disconnect', () => process.exit())
process.send?.('ready')
