import { parentPort } from 'node:worker_threads'
import { Server } from '@rpcx/core'
import type { Args } from './arith.ts'
import { threadTransport } from './thread-transport.ts'

if (parentPort === null) throw new Error('server.ts is to be run by worker.js, in a thread of its own')

const server = new Server({ transports: [threadTransport(parentPort)] })
server.registerName('Arith', { Mul: ({ A, B }: Args) => ({ C: A * B }) })
await server.serve('thread', 'arith')
parentPort.postMessage('ready')
