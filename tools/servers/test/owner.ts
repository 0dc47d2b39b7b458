import { startEtcd } from '../src/index.ts'

// Starts a server, prints its pid and address, brings it into the state named by the argument and never stops it.
const etcd = await startEtcd()
const { pid, address } = etcd
const state = process.argv[2]
if (state === 'paused') await etcd.pause()
if (state === 'killed') await etcd.kill()
console.log(`${pid} ${address}`)
if (state !== 'leave') setInterval(() => {}, 60_000)
