import { Block } from './block.ts'

/** Memory for the bytes of many reads, one after the other: to allocate for each of them takes a tenth of a call with 100 under way. */
export class Room extends Block {
  #used = 0

  /** Where the last bytes end. */
  get used(): number {
    return this.#used
  }

  get left(): number {
    return this.bytes.length - this.#used
  }

  /** Copies the end of `chunk`, for which there must be room; returns where it begins. */
  add(chunk: Buffer, from: number): number {
    const start = this.#used
    this.#used += chunk.copy(this.bytes, start, from)
    return start
  }
}

/** Where so many bytes can be added. */
export function roomFor(bytes: number): Room {
  // What is kept of one read keeps what it shares memory with alive: that is not to be more than a read can bring.
  if (bytes > ROOM_BYTES / 2) return new Room(Buffer.allocUnsafeSlow(bytes))
  if (current === undefined || current.left < bytes) current = new Room(Buffer.allocUnsafeSlow(ROOM_BYTES))
  return current
}

const ROOM_BYTES = 64 * 1024
let current: Room | undefined
