import { Server } from '@rpcx/core'

// Closes at SIGTERM or SIGINT; the method never ends, so that draining takes as long as it may.
const server = new Server({ closeOn: ['SIGTERM', 'SIGINT'], drainMs: Number(process.argv[2]), lingerMs: 0 })
server.registerName('Slow', {
  wait: () => {
    console.log('waiting')
    return new Promise(() => {})
  },
})
await server.serve('tcp', '127.0.0.1:0')
console.log(server.address)
process.once('exit', () => console.log(`ends ${server.health}`))
