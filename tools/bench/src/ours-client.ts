import { Peer2PeerDiscovery, XClient } from '@rpcx/core'
import type { Order } from './peer.ts'

interface Bench {
  Echo(payload: Uint8Array): Uint8Array
}

const discovery = new Peer2PeerDiscovery(`tcp@${process.argv[2]}`)
const client = new XClient<Bench>('Bench', discovery, { codec: 'raw' })
const payload = Buffer.alloc(581, 7)

process.on('message', async ({ concurrency, ms }: Order) => {
  let calls = 0
  let running = true
  setTimeout(() => (running = false), ms)
  const startedAt = performance.now()
  const loop = async (): Promise<void> => {
    while (running) {
      await client.call('Echo', payload)
      calls++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
  process.send?.((calls * 1_000) / (performance.now() - startedAt))
})
await client.call('Echo', payload)
process.send?.('ready')
process.once('disconnect', () => process.exit())
