import type { ContestantName } from './contestants/index.ts'
import { contestants } from './contestants/index.ts'

// The server process of one contestant. Reports its CPU time or its memory when asked.

const [name, task] = process.argv.slice(2)
const { serve } = await contestants[name as ContestantName]()
process.on('message', (figure: 'cpu' | 'memory') => {
  globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send?.(figure === 'cpu' ? user + system : process.memoryUsage.rss())
})
process.once('disconnect', () => process.exit())
process.send?.(await serve(JSON.parse(task ?? '{}')))
