import type { CallContext } from '@rpcx/core'
import { Peer2PeerDiscovery, Server, XClient } from '@rpcx/core'
import { logging } from './logging.ts'
import { tracing } from './tracing.ts'

class Arith {
  Mul({ A, B }: { A: number; B: number }, context: CallContext): { C: number } {
    console.log(`in trace ${context.metadata.traceparent}`)
    return { C: A * B }
  }
  Div(): never {
    throw new Error('no division today')
  }
}

await using server = new Server()
server.registerName('Arith', new Arith())
await server.serve('tcp', '127.0.0.1:0')

await using discovery = new Peer2PeerDiscovery(server.address ?? '')
await using arith = new XClient<Arith>('Arith', discovery, { interceptors: [logging(console.log), tracing] })

await arith.call('Mul', { A: 10, B: 20 })
await arith.call('Div').catch(() => {})
