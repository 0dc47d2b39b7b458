import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { Server } from '@rpcx/core'

const [host = '127.0.0.1:8972', processes = String(availableParallelism())] = process.argv.slice(2)

if (cluster.isPrimary) {
  let isClosing = false
  for (let i = 0; i < Number(processes); i++) cluster.fork()
  // A process that crashed is replaced after a moment, so that one that crashes at once does not keep a processor busy.
  cluster.on('exit', (_worker, code) => {
    if (code !== 0) setTimeout(() => isClosing || cluster.fork(), 500 + Math.random() * 500)
  })
  // The others finish what runs first.
  process.once('SIGTERM', () => {
    isClosing = true
    for (const worker of Object.values(cluster.workers ?? {})) worker?.send('close')
  })
} else {
  const server = new Server()
  server.registerName('Primes', {
    count: (limit: number) => ({ pid: process.pid, primes: countPrimes(limit) }),
  })
  await server.serve('tcp', host)
  console.log(`${process.pid} listens at ${server.address}`)
  process.once('message', async () => {
    await server.close()
    // What ties it to the primary process would keep it running.
    process.disconnect()
  })
}

/** Something that keeps a processor busy. */
function countPrimes(limit: number): number {
  let count = 0
  for (let n = 2, d = 2; n <= limit; n++, d = 2) {
    while (d * d <= n && n % d !== 0) d++
    if (d * d > n) count++
  }
  return count
}
