import { Peer2PeerDiscovery, XClient } from '@rpcx/core'
import type { Arith } from './arith.ts'

const discovery = new Peer2PeerDiscovery(`tcp@${process.argv[2] ?? '127.0.0.1:8972'}`)
const arith = new XClient<Arith>('Arith', discovery)

const { C } = await arith.call('Mul', { A: 10, B: 20 })
console.log(`10 × 20 = ${C}`)

await arith.close()
await discovery.close()
