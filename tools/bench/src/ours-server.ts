import { Server } from '@rpcx/core'

const server = new Server()
server.registerName('Bench', { Echo: (payload: Uint8Array) => payload })
await server.serve('tcp', '127.0.0.1:0')
process.send?.(server.address?.replace('tcp@', ''))
process.once('disconnect', () => process.exit())
