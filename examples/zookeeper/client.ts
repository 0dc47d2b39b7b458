import { isRpcxError, XClient } from '@rpcx/core'
import { ZooKeeperDiscovery } from '@rpcx/zookeeper'
import type { Arith } from './arith.ts'

const [zooKeeper = '127.0.0.1:2181'] = process.argv.slice(2)

const discovery = new ZooKeeperDiscovery({ zooKeeperServers: [zooKeeper], basePath: '/rpcx_test' })
discovery.on('endpointAdded', ({ endpoint }) => console.log(`+ ${endpoint.address} ${endpoint.metadata}`))
discovery.on('endpointRemoved', ({ endpoint }) => console.log(`- ${endpoint.address}`))

const arith = new XClient<Arith>('Arith', discovery, {
  failMode: 'failover',
  // A multiplication does no harm when it is repeated.
  idempotent: ['Mul'],
  waitForReady: true,
})

const stopping = new AbortController()
process.once('SIGINT', () => stopping.abort())

while (!stopping.signal.aborted) {
  try {
    const { reply, endpoint } = await arith.invoke('Mul', { A: 10, B: 20 })
    console.log(`10 × 20 = ${reply.C}, said ${endpoint}`)
  } catch (error) {
    if (!isRpcxError(error)) throw error
    console.log(`${error.code}: ${error.message}`)
  }
  await new Promise(resolve => setTimeout(resolve, 100))
}

await arith.close()
await discovery.close()
