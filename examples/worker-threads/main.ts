import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Peer2PeerDiscovery, XClient } from '@rpcx/core'
import type { ArithService } from './arith.ts'
import { threadTransport } from './thread-transport.ts'

const worker = new Worker(new URL('./worker.js', import.meta.url))
await once(worker, 'message')

await using discovery = new Peer2PeerDiscovery('thread@arith')
await using arith = new XClient<ArithService>('Arith', discovery, { transports: [threadTransport(worker)] })

const { C } = await arith.call('Mul', { A: 6, B: 7 })
console.log(`6 × 7 = ${C}, computed in another thread`)
await worker.terminate()
