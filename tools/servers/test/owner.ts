import { startEtcd, startEtcdCluster } from '../src/index.ts'

// Starts a server or, of the second argument, a cluster, prints its pids and addresses, brings its first member into
// the state named by the first argument and never stops it.
const [, , state, what] = process.argv
const members = what === 'cluster' ? (await startEtcdCluster()).members : [await startEtcd()]
const words = members.map(({ pid, address }) => `${pid} ${address}`)
if (state === 'paused') await members[0]?.pause()
if (state === 'killed') await members[0]?.kill()
console.log(words.join(' '))
if (state !== 'leave') setInterval(() => {}, 60_000)
