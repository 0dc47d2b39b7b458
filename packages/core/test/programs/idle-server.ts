import { createServer } from 'node:net'
import { Server } from '@rpcx/core'

// Keeps idle connections as bare sockets or as an rpcx server, and reports their memory.
const [kind = 'rpcx'] = process.argv.slice(2)

async function listen(): Promise<number> {
  if (kind === 'rpcx') {
    const server = new Server()
    server.registerName('Any', { any: () => 1 })
    await server.serve('tcp', '127.0.0.1:0')
    return Number(server.address?.split(':').at(-1))
  }
  // The same socket options as our server, and the listeners that every server needs.
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 15_000 }
  const sockets = new Set<object>()
  const server = createServer(options, socket => {
    sockets.add(socket)
    socket.on('data', () => {})
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

const port = await listen()
process.on('SIGUSR2', async () => {
  for (let i = 0; i < 3; i++) {
    await new Promise(resolve => setTimeout(resolve, 50))
    globalThis.gc?.()
  }
  console.log(JSON.stringify({ rss: process.memoryUsage.rss() }))
})
globalThis.gc?.()
console.log(JSON.stringify({ port, rss: process.memoryUsage.rss() }))
