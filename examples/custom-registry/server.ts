import { Server } from '@rpcx/core'
import { Arith } from './arith.ts'
import { FolderRegisterPlugin } from './index.ts'

const [address = '127.0.0.1:0', path = '/tmp/rpcx'] = process.argv.slice(2)

const server = new Server()
server.plugins.add(new FolderRegisterPlugin({ path }))
server.registerName('Arith', new Arith(), 'weight=10')
await server.serve('tcp', address)
console.log(`Arith listens at ${server.address}`)

process.once('SIGINT', () => server.close())
process.once('SIGTERM', () => server.close())
