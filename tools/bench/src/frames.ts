import type { Socket } from 'node:net'

/** A buffer that is filled in one tick and written once. */
export class Outgoing {
  bytes: Buffer = Buffer.allocUnsafeSlow(SLAB)
  used = 0
  #sent = 0

  room(size: number): Buffer {
    if (this.bytes.length - this.used < size) {
      this.#rest.push(this.bytes.subarray(this.#sent, this.used))
      this.bytes = Buffer.allocUnsafeSlow(Math.max(SLAB, size))
      this.used = 0
      this.#sent = 0
    }
    return this.bytes
  }

  write(socket: Socket): void {
    for (const chunk of this.#rest) socket.write(chunk)
    this.#rest.length = 0
    if (this.used === this.#sent) return
    socket.write(this.bytes.subarray(this.#sent, this.used))
    this.#sent = this.used
  }

  readonly #rest: Buffer[] = []
}

/** Parses frames in place; what the callback writes for all frames of a chunk leaves in one write. */
export function eachFrame(
  socket: Socket,
  callback: (chunk: Buffer, start: number, end: number, reply: Outgoing) => void,
): Outgoing {
  const reply = new Outgoing()
  let rest: Buffer | undefined
  socket.on('data', (data: Buffer) => {
    const chunk = rest === undefined ? data : Buffer.concat([rest, data])
    let at = 0
    while (chunk.length - at >= 16) {
      const end = at + 16 + chunk.readUInt32BE(at + 12)
      if (end > chunk.length) break
      callback(chunk, at, end, reply)
      at = end
    }
    rest = at < chunk.length ? chunk.subarray(at) : undefined
    reply.write(socket)
  })
  return reply
}

const SLAB = 64 * 1024
