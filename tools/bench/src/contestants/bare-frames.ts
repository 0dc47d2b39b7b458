import type { Socket } from 'node:net'

/** Where the payload of a frame begins and ends, and its number. */
export interface Frame {
  seq: number
  start: number
  end: number
}

/** Sends frames over a plain socket as fast as possible: encodes all frames of a tick into one buffer, and parses in place. It has no calls. */
export class BareFrames {
  readonly #socket: Socket
  readonly #head: Buffer
  #bytes = Buffer.allocUnsafeSlow(SLAB)
  #view = viewOf(this.#bytes)
  #used = 0
  #rest: Buffer | undefined
  /** The current frame. One object for all frames, because nobody keeps it. */
  readonly #frame: Frame = { seq: 0, start: 0, end: 0 }

  /** @param flags byte 2 of the sent frames. @param metadata the encoded metadata of each frame */
  constructor(
    socket: Socket,
    flags: number,
    metadata: Buffer,
    received: (chunk: Buffer, frame: Frame) => void,
  ) {
    this.#socket = socket
    const names = Buffer.concat([field('Bench'), field('Echo')])
    this.#head = Buffer.concat([Buffer.alloc(16), names, u32(metadata.length), metadata])
    this.#head[0] = 8
    this.#head[2] = flags
    socket.on('data', data => {
      this.#read(data as Buffer, received)
      this.flush()
    })
  }

  /** Encodes one frame. Its payload is a part of `bytes`. */
  write(seq: number, bytes: Buffer, start: number, end: number): void {
    const head = this.#head
    const size = head.length + 4 + end - start
    if (this.#bytes.length - this.#used < size) this.flush()
    const out = this.#bytes
    const view = this.#view
    let at = this.#used
    out.set(head, at)
    view.setUint32(at + 8, seq)
    view.setUint32(at + 12, size - 16)
    at += head.length
    view.setUint32(at, end - start)
    bytes.copy(out, at + 4, start, end)
    this.#used = at + 4 + end - start
  }

  flush(): void {
    if (this.#used === 0) return
    const sent = this.#socket.write(this.#bytes.subarray(0, this.#used))
    // Bytes that the system has accepted may be overwritten.
    if (!sent || this.#socket.writableLength > 0) {
      this.#bytes = Buffer.allocUnsafeSlow(SLAB)
      this.#view = viewOf(this.#bytes)
    }
    this.#used = 0
  }

  #read(data: Buffer, received: (chunk: Buffer, frame: Frame) => void): void {
    const chunk = this.#rest === undefined ? data : Buffer.concat([this.#rest, data])
    const view = viewOf(chunk)
    const frame = this.#frame
    let at = 0
    while (chunk.length - at >= 16) {
      const end = at + 16 + view.getUint32(at + 12)
      if (end > chunk.length) break
      let start = at + 16
      for (let names = 0; names < 3; names++) start += 4 + view.getUint32(start)
      frame.seq = view.getUint32(at + 8)
      frame.start = start + 4
      frame.end = end
      received(chunk, frame)
      at = end
    }
    this.#rest = at < chunk.length ? chunk.subarray(at) : undefined
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Encodes a string or bytes, preceded by the length. */
export function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([u32(bytes.length), bytes])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const SLAB = 64 * 1024
