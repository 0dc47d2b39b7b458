import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import type { Contestant } from './contestant.ts'
import { awaited } from './contestant.ts'

/**
 * Sends as many bytes as a frame of rpcx in each direction, one message at a time. Node reads at most 64 KiB at a time, so a message of
 * exactly that length would be twice as fast as one that is a byte longer.
 */
export const tcp: Contestant = {
  async serve({ bytes = 581 }) {
    const length = bytes + FRAME_BYTES
    const server = createServer({ noDelay: true }, socket => {
      // Like a server, which needs all arguments before it can answer.
      const whole = gather(length, message => socket.write(message))
      socket.on('data', whole)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(server.address() as AddressInfo).port}`
  },

  async connect(address, { bytes = 581 }) {
    const length = bytes + FRAME_BYTES
    const [host, port] = address.split(':')
    const socket = connect({ host, port: Number(port), noDelay: true })
    const payload = Buffer.alloc(length, 7)
    let replied: (reply: Buffer) => void = () => {}
    socket.on(
      'data',
      gather(length, message => replied(message)),
    )
    return awaited(
      () =>
        new Promise(resolve => {
          replied = resolve
          socket.write(payload)
        }),
    )
  },
}

// The header, names, deadline and four lengths of a call of Bench.Echo.
const FRAME_BYTES = 16 + 4 + 5 + 4 + 4 + 4 + 28 + 4

/** Joins chunks to messages of that length. */
function gather(bytes: number, message: (whole: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let length = 0
  return chunk => {
    length += chunk.length
    if (chunks.length === 0 && length === bytes) {
      length = 0
      message(chunk)
      return
    }
    chunks.push(chunk)
    if (length < bytes) return
    const whole = Buffer.concat(chunks)
    chunks = []
    length = 0
    message(whole)
  }
}
