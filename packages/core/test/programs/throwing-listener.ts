import { Peer2PeerDiscovery, Server, XClient } from '@rpcx/core'

// Listeners that throw, on a server that is called all the while.
const uncaught: string[] = []
process.on('uncaughtException', error => uncaught.push(error.message))

let calls = 0
const server = new Server({ lingerMs: 0 })
server.registerName('Counter', { next: () => ++calls })
for (const event of ['connectionOpened', 'connectionClosed'] as const) {
  server.on(event, () => {
    throw new Error(`of ${event}`)
  })
}
await server.serve('tcp', '127.0.0.1:0')
const discovery = new Peer2PeerDiscovery(server.address ?? '')
const client = new XClient<{ next(): number }>('Counter', discovery)
const before = await client.call('next')
const after = await client.call('next')
await client.close()
await discovery.close()
await server.close()
console.log(`replied before and after: ${before} ${after}`)
// The errors were thrown in ticks of their own.
setImmediate(() => console.log(`uncaught: ${uncaught.join(', ')}`))
