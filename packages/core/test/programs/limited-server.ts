import { setTimeout as delay } from 'node:timers/promises'
import { Server } from '@rpcx/core'

// Runs this many concurrent calls of 10 ms each. On SIGUSR2, reports its memory and how long calls took.
const [maxConcurrentCalls, maxQueuedCalls] = process.argv.slice(2).map(Number) as [number, number]
const server = new Server({ maxConcurrentCalls, maxQueuedCalls })
server.registerName('Work', {
  work: async () => {
    await delay(10)
    return 1
  },
})
process.on('SIGUSR2', () => {
  globalThis.gc?.()
  const work = [...server.metrics.methods].find(({ method }) => method === 'work')
  console.log(JSON.stringify({ rss: process.memoryUsage.rss(), p99: work?.latency.percentile(99) }))
})
await server.serve('tcp', '127.0.0.1:0')
console.log(server.address)
