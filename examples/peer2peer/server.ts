import { Server } from '@rpcx/core'
import { Arith } from './arith.ts'

const server = new Server()
server.registerName('Arith', new Arith())
await server.serve('tcp', process.argv[2] ?? '127.0.0.1:8972')
console.log(`Arith listens at ${server.address}`)

process.once('SIGINT', () => server.close())
process.once('SIGTERM', () => server.close())
