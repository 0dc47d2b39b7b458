import { setTimeout as delay } from 'node:timers/promises'
import { Server } from '@rpcx/core'

// Serves at the given address until SIGTERM, then drains, and exits because nothing is left to do.
const server = new Server({ closeOn: ['SIGTERM'] })
server.registerName('Work', {
  quick: (value: number) => value,
  slow: async (value: number) => {
    await delay(50)
    return value
  },
})
await server.serve('tcp', process.argv[2] ?? '127.0.0.1:0')
console.log(server.address)
