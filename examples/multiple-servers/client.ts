import { isRpcxError, MultipleServersDiscovery, XClient } from '@rpcx/core'
import type { Arith } from './arith.ts'

const servers = process.argv.slice(2)
if (servers.length === 0) servers.push('127.0.0.1:8972', '127.0.0.1:8973')

const discovery = new MultipleServersDiscovery(servers.map(server => ({ key: `tcp@${server}` })))
// A multiplication may be repeated on another server, so the death of one of them fails no call.
const arith = new XClient<Arith>('Arith', discovery, { failMode: 'failover', idempotent: ['Mul'] })

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
