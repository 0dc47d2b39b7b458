import { rpcx } from './contestants/rpcx.ts'

// Makes the requested number of calls to itself, 100 concurrently, and reports the size of its heap after them.

const load = await rpcx.connect(await rpcx.serve({ exchange: 'arith' }), { exchange: 'arith' })
process.on('message', async ({ calls }: { calls: number }) => {
  for (let left = calls; left > 0; ) left -= await load.closed(100, 1_000)
  globalThis.gc?.()
  process.send?.(process.memoryUsage().heapUsed / 1_024)
})
process.once('disconnect', () => process.exit())
process.send?.('ready')
