import { Block } from './block.ts'

/** Memory that is filled once, from front to back. */
export class Slab extends Block {
  /** Where the next bytes go. */
  used = 0

  constructor(bytes: number = SLAB_BYTES) {
    super(Buffer.allocUnsafeSlow(bytes))
  }

  get left(): number {
    return this.bytes.length - this.used
  }
}

/** As much as a socket reads at a time. */
export const SLAB_BYTES: number = 64 * 1024
