import { Server } from '@rpcx/core'

// A server that answers at once, in a process of its own.
const server = new Server({ lingerMs: 0 })
server.registerName('S', { get: (bytes: number) => Buffer.alloc(bytes) })
await server.serve('tcp', '127.0.0.1:0')
console.log(server.address)
