import { Server } from '@rpcx/core'

// A server whose method blocks its event loop, in a process of its own.
const server = new Server({ lingerMs: 0 })
server.registerName('Any', {
  method(ms: number): string {
    for (const start = performance.now(); performance.now() - start < ms; );
    return 'done'
  },
})
await server.serve('tcp', '127.0.0.1:0')
console.log(server.address)
