import { Server } from '@rpcx/core'

// Starts this many servers on free ports, and prints their addresses as one line.
const servers = Array.from({ length: Number(process.argv[2]) }, () => {
  const server = new Server()
  server.registerName('Any', { method: (args: unknown) => args })
  return server
})
for (const server of servers) await server.serve('tcp', '127.0.0.1:0')
process.stdout.write(`${JSON.stringify(servers.map(({ address }) => address))}\n`)
