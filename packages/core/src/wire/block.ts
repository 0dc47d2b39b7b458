/** Bytes with a DataView for the numbers in them: it is faster than Buffer's own methods. */
export class Block {
  readonly bytes: Buffer
  readonly view: DataView
  /** The number of messages in this block that are kept; see `Message.hold`. */
  holders = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}
