import { ConsulRegisterPlugin } from '@rpcx/consul'
import { Server } from '@rpcx/core'
import { Arith } from './arith.ts'

const [address = '127.0.0.1:0', consul = '127.0.0.1:8500', ttlMs = '10000'] = process.argv.slice(2)

const server = new Server()
server.plugins.add(
  new ConsulRegisterPlugin({
    consulServers: [consul],
    basePath: 'rpcx_test',
    // Also as a service of Consul's own catalogue, where its DNS and all of its tools find it.
    catalog: true,
    // Up to twice as long, and Consul forgets a server that crashed; in the catalogue, it is critical then.
    ttlMs: Number(ttlMs),
  }),
)
server.registerName('Arith', new Arith(), 'weight=10')
await server.serve('tcp', address)
console.log(`Arith listens at ${server.address}`)

process.once('SIGINT', () => server.close())
process.once('SIGTERM', () => server.close())
