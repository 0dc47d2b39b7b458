import { Block } from './block.ts'

/** A memory block that is filled once, from start to end. */
export class Slab extends Block {
  /** The offset of the next free byte. */
  used = 0

  constructor(bytes: number = SLAB_BYTES) {
    super(Buffer.allocUnsafeSlow(bytes))
  }

  get left(): number {
    return this.bytes.length - this.used
  }
}

/** The size of one read of a socket. */
export const SLAB_BYTES: number = 64 * 1024
