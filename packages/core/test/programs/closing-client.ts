import { Peer2PeerDiscovery, XClient } from '@rpcx/core'

// Calls once and closes, or is not even called, and then has nothing more to do.
const [address = '', mode] = process.argv.slice(2)
const client = new XClient<{ method(): void }>('Any', new Peer2PeerDiscovery(address))
if (mode !== 'unused') {
  await client.call('method')
  await client.close()
  console.log('closed')
}
