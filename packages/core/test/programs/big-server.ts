import { setTimeout as delay } from 'node:timers/promises'
import { Server } from '@rpcx/core'

// Sends large replies, and reports on another connection how much memory this process uses.
let calls = 0
const BYTES = 128 * 1024
const server = new Server({ maxConcurrentCallsPerConnection: 2 })
server.registerName('Big', {
  sync: () => {
    calls++
    return Buffer.alloc(BYTES, 1)
  },
  async: async () => {
    calls++
    await delay(1)
    return Buffer.alloc(BYTES, 1)
  },
  memory: () => {
    globalThis.gc?.()
    return { calls, rss: process.memoryUsage.rss() }
  },
})
await server.serve('tcp', '127.0.0.1:0')
console.log(server.address)
