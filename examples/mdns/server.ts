import { Server } from '@rpcx/core'
import { MDNSRegisterPlugin } from '@rpcx/mdns'
import { Arith } from './arith.ts'

// A network interface and a port may be named; by default it is announced on all interfaces.
const [address = '0.0.0.0:0', interfaces = [], port = '5353'] = process.argv.slice(2)

const server = new Server()
server.plugins.add(new MDNSRegisterPlugin({ interfaces, port: Number(port) }))
server.registerName('Arith', new Arith(), 'weight=10')
await server.serve('tcp', address)
console.log(`Arith listens at ${server.address}`)

process.once('SIGINT', () => server.close())
process.once('SIGTERM', () => server.close())
