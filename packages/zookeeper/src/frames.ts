/** Cuts what comes over one connection into frames: four bytes of length, and so many more. */
export class Frames {
  #parts: Buffer[] = []
  #bytes = 0

  /** Forgets what came of a frame that is not whole. */
  clear(): void {
    this.#parts = []
    this.#bytes = 0
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk)
    this.#bytes += chunk.length
  }

  /**
   * The next whole frame, with its length; `undefined` when more has to come.
   * @param most bytes that it may have
   * @throws when its length cannot be one
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

  /** All that came and was not taken, in one piece: done once for each frame, however many pieces it came in. */
  #join(): Buffer {
    const [first] = this.#parts
    if (first !== undefined && this.#parts.length === 1) return first
    const all = Buffer.concat(this.#parts, this.#bytes)
    this.#parts = [all]
    return all
  }
}

const HEAD_BYTES = 4
