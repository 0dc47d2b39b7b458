import cluster from 'node:cluster'
import { once } from 'node:events'
import { Server } from '@rpcx/core'

// A given number of processes that serve on one port.

if (cluster.isPrimary) {
  const workers = Array.from({ length: Number(process.argv[2]) }, () => cluster.fork())
  // All processes use the port that the system chose for the first one.
  const addresses = await Promise.all(workers.map(async worker => (await once(worker, 'message'))[0]))
  process.once('disconnect', () => process.exit())
  process.send?.(addresses[0])
} else {
  const server = new Server()
  server.registerName('Bench', {
    Echo: (payload: Uint8Array) => payload,
    Work(payload: Uint8Array) {
      for (const end = performance.now() + 0.2; performance.now() < end; );
      return payload
    },
  })
  await server.serve('tcp', '127.0.0.1:0')
  process.once('disconnect', () => process.exit())
  process.send?.(server.address)
}
