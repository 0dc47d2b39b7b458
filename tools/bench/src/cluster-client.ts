import { Peer2PeerDiscovery, XClient } from '@rpcx/core'
import { awaited } from './contestants/contestant.ts'

// Calls over as many connections as many clients would have, which the processes of the server share.

type Bench = Record<string, (payload: Uint8Array) => Uint8Array>

const [address = '', method = ''] = process.argv.slice(2)
const discovery = new Peer2PeerDiscovery(address)
const clients = Array.from({ length: 16 }, () => new XClient<Bench>('Bench', discovery, { codec: 'raw' }))
const payload = Buffer.alloc(581, 7)
for (const client of clients) await client.call(method, payload)

let turn = 0
const load = awaited(() => (clients[turn++ & 15] as XClient<Bench>).call(method, payload))
process.on('message', async ({ ms }: { ms: number }) => process.send?.(await load.closed(64, ms)))
process.once('disconnect', () => process.exit())
process.send?.('ready')
