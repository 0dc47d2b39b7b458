import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'

// Listens with the shortest possible queue, and never accepts. Once the queue is full, dials hang.
const server = createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 })
await once(server, 'listening')
const { port } = server.address() as AddressInfo
process.stdout.write(`${port}\n`, () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
