import { Server } from '@rpcx/core'
import { ZooKeeperRegisterPlugin } from '@rpcx/zookeeper'
import { Arith } from './arith.ts'

const [address = '127.0.0.1:0', zooKeeper = '127.0.0.1:2181'] = process.argv.slice(2)

const server = new Server()
server.plugins.add(
  new ZooKeeperRegisterPlugin({
    zooKeeperServers: [zooKeeper],
    basePath: '/rpcx_test',
    // After this, ZooKeeper forgets a server that crashed; it grants no less than two of its ticks.
    sessionTimeoutMs: 4_000,
  }),
)
server.registerName('Arith', new Arith(), 'weight=10')
await server.serve('tcp', address)
console.log(`Arith listens at ${server.address}`)

process.once('SIGINT', () => server.close())
process.once('SIGTERM', () => server.close())
