import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { eachFrame } from './frames.ts'

const server = createServer({ noDelay: true }, socket => {
  eachFrame(socket, (chunk, start, end, reply) => {
    chunk.copy(reply.room(end - start), reply.used, start, end)
    reply.bytes[reply.used + 2] = 0x80
    reply.used += end - start
  })
})
server.listen(0, '127.0.0.1', () => {
  process.send?.(`127.0.0.1:${(server.address() as AddressInfo).port}`)
})
process.once('disconnect', () => process.exit())
