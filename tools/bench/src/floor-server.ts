import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { BareFrames } from './frames.ts'

const server = createServer({ noDelay: true }, socket => {
  const frames = new BareFrames(socket, 0x80, Buffer.alloc(0), (chunk, { seq, start, end }) => {
    frames.write(seq, chunk, start, end)
  })
})
server.listen(0, '127.0.0.1', () => {
  process.send?.(`127.0.0.1:${(server.address() as AddressInfo).port}`)
})
process.once('disconnect', () => process.exit())
