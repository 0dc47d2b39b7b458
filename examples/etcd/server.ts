import { Server } from '@rpcx/core'
import { EtcdRegisterPlugin } from '@rpcx/etcd'
import { Arith } from './arith.ts'

const [address = '127.0.0.1:0', etcd = '127.0.0.1:2379'] = process.argv.slice(2)

const server = new Server()
server.plugins.add(
  new EtcdRegisterPlugin({
    etcdServers: [etcd],
    basePath: '/rpcx_test',
    // Twice as long, and etcd forgets a server that crashed.
    updateIntervalMs: 2_000,
  }),
)
server.registerName('Arith', new Arith(), 'weight=10')
await server.serve('tcp', address)
console.log(`Arith listens at ${server.address}`)

process.once('SIGINT', () => server.close())
process.once('SIGTERM', () => server.close())
