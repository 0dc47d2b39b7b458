import { Peer2PeerDiscovery, Server, XClient } from '@rpcx/core'

// Listeners that throw or reject, on a server under load.
process.on('uncaughtException', error => console.log(`uncaught: ${error.message}`))
process.on('unhandledRejection', error => console.log(`unhandled: ${error}`))

let calls = 0
const server = new Server({ lingerMs: 0 })
server.registerName('Counter', { next: () => ++calls })
const told: string[] = []
server.on('callbackFailed', ({ callback, error }) => {
  told.push(`${callback}: ${error.message}`)
  if (told.length === 2) throw new Error('of a failure')
})
server.on('connectionOpened', () => {
  throw new Error('of connectionOpened')
})
server.on('connectionClosed', async () => {
  throw new Error('of connectionClosed')
})
const heard: string[] = []
for (const event of ['connectionOpened', 'connectionClosed'] as const)
  server.on(event, () => heard.push(event))
await server.serve('tcp', '127.0.0.1:0')
const discovery = new Peer2PeerDiscovery(server.address ?? '')
const client = new XClient<{ next(): number }>('Counter', discovery)
const before = await client.call('next')
const after = await client.call('next')
await client.close()
await discovery.close()
await server.close()
console.log(`replied before and after: ${before} ${after}`)
console.log(`heard beside them: ${heard.join(', ')}`)
console.log(`told: ${told.join(', ')}`)
