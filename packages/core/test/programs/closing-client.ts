import { Peer2PeerDiscovery, XClient } from '@rpcx/core'

// A client that makes one call and closes, or that is never called. Then nothing keeps the process alive.
const [address = '', mode] = process.argv.slice(2)
const client = new XClient<{ method(): void }>('Any', new Peer2PeerDiscovery(address))
if (mode !== 'unused') {
  await client.call('method')
  await client.close()
  console.log('closed')
}
