import { Peer2PeerDiscovery, XClient } from '@rpcx/core'

interface Primes {
  count(limit: number): { pid: number; primes: number }
}

const [host = '127.0.0.1:8972', connections = '8'] = process.argv.slice(2)
const discovery = new Peer2PeerDiscovery(`tcp@${host}`)

// A client has one connection to a server, and a connection belongs to one process of it.
const clients = Array.from({ length: Number(connections) }, () => new XClient<Primes>('Primes', discovery))
const answers = await Promise.all(clients.map(client => client.call('count', 200_000)))

const pids = new Set(answers.map(({ pid }) => pid))
console.log(`${answers[0]?.primes} primes up to 200 000, counted by ${pids.size} processes`)

await Promise.all(clients.map(client => client.close()))
await discovery.close()
