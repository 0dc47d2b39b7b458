import { Peer2PeerDiscovery, Server, XClient } from '@rpcx/core'

// A server whose methods use a client, and which ends by a signal.
const further = new Server({ lingerMs: 0, noticeMs: 0, closeOn: ['SIGTERM'] })
further.registerName('S', { hi: () => 'hi' })
await further.serve('tcp', '127.0.0.1:0')
const discovery = new Peer2PeerDiscovery(further.address ?? '')
const client = new XClient<{ hi(): string }>('S', discovery)
const server = new Server({ lingerMs: 0, noticeMs: 0, closeOn: ['SIGTERM'], owns: [discovery, client] })
server.registerName('Relay', { relay: () => client.call('hi') })
await server.serve('tcp', '127.0.0.1:0')
console.log(await client.call('hi'))
