/** A splitter of one connection's data into frames. A frame is four bytes of length, then as many bytes of data. */
export class Frames {
  #parts: Buffer[] = []
  #bytes = 0

  /** Discards the data of an incomplete frame. */
  clear(): void {
    this.#parts = []
    this.#bytes = 0
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk)
    this.#bytes += chunk.length
  }

  /**
   * Returns the next complete frame with its length prefix; `undefined` when more data must arrive.
   * @param most the maximum number of bytes of data
   * @throws when the length is invalid
   */
  next(most: number): Buffer | undefined {
    if (this.#bytes < HEAD_BYTES) return undefined
    const length = this.#head().readInt32BE(0)
    if (length < 0 || length > most) throw new Error(`a frame of ${length} bytes: not what ZooKeeper sends`)
    const end = HEAD_BYTES + length
    if (this.#bytes < end) return undefined
    const all = this.#join()
    this.#bytes -= end
    this.#parts = this.#bytes === 0 ? [] : [all.subarray(end)]
    return all.subarray(0, end)
  }

  #head(): Buffer {
    const [first] = this.#parts
    return first !== undefined && first.length >= HEAD_BYTES ? first : this.#join()
  }

  /** Joins all remaining data into one buffer, once for each frame, however many chunks it came in. */
  #join(): Buffer {
    const [first] = this.#parts
    if (first !== undefined && this.#parts.length === 1) return first
    const all = Buffer.concat(this.#parts, this.#bytes)
    this.#parts = [all]
    return all
  }
}

const HEAD_BYTES = 4
