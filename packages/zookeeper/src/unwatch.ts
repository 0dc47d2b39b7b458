/**
 * A request to remove a watch, which the library does not support. Its header claims a delete request: both responses consist of a header
 * only.
 */
export class Unwatch {
  readonly header: { xid: number; readonly type: number } = { xid: 0, type: DELETE }
  readonly payload: null = null
  readonly #path: string

  /** @param path the path, with the chroot */
  constructor(path: string) {
    this.#path = path
  }

  toBuffer(): Buffer {
    const path = Buffer.from(this.#path)
    const frame = Buffer.alloc(20 + path.length)
    frame.writeInt32BE(16 + path.length, 0)
    frame.writeInt32BE(this.header.xid, 4)
    frame.writeInt32BE(REMOVE_WATCHES, 8)
    frame.writeInt32BE(path.length, 12)
    path.copy(frame, 16)
    frame.writeInt32BE(OF_ANY_KIND, 16 + path.length)
    return frame
  }
}

const DELETE = 2
const REMOVE_WATCHES = 18
const OF_ANY_KIND = 3
