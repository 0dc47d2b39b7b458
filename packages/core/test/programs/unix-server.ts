import { Server } from '@rpcx/core'

// Serves a unix socket until it is killed, so that the socket file stays behind.
const server = new Server()
server.registerName('Who', { who: () => process.pid })
await server.serve('unix', process.argv[2] as string)
console.log('listening')
