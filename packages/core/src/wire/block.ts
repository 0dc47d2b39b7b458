/** Bytes, and the numbers in them: Buffer's own methods for these take 11 ns each where a DataView takes 1, a tenth of a call in all. */
export class Block {
  readonly bytes: Buffer
  readonly view: DataView
  /** How many messages in it are kept: see `Message.hold`. */
  holders = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}
