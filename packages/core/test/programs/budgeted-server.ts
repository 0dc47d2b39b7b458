import { Server } from '@rpcx/core'

// A server with small budgets, which reports its peak memory when asked.
const MIB = 1024 * 1024
const options = {
  maxFrameBytes: 16 * MIB,
  maxValues: 100_000,
  maxHeldBytes: 64 * MIB,
  maxHeldBytesPerConnection: 64 * MIB,
  maxQueuedBytes: 16 * MIB,
  maxUnfinishedBytes: 32 * MIB,
  maxUnreadBytes: 64 * MIB,
  maxConnections: 200,
}
const server = new Server({ ...options, lingerMs: 0, drainMs: 0 })
server.registerName('S', {
  wait: () => new Promise(() => {}),
  /** Replies of 1 MiB that come after all calls have begun. */
  big: () => new Promise(resolve => setTimeout(() => resolve(Buffer.alloc(MIB)), 200)),
})
let most = 0
const measure = (): void => {
  most = Math.max(most, process.memoryUsage.rss())
}
setInterval(measure, 10)
process.on('SIGUSR2', () => {
  measure()
  console.log(`${most} bytes`)
})
await server.serve('tcp', '127.0.0.1:0')
console.log(server.address)
