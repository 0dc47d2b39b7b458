/** Writes ZooKeeper's binary records: big endian, with the length before strings and buffers. */
export class JuteWriter {
  readonly #parts: Buffer[] = []

  int(value: number): this {
    const part = Buffer.alloc(4)
    part.writeInt32BE(value)
    this.#parts.push(part)
    return this
  }

  long(value: bigint): this {
    const part = Buffer.alloc(8)
    part.writeBigInt64BE(BigInt.asIntN(64, value))
    this.#parts.push(part)
    return this
  }

  bool(value: boolean): this {
    this.#parts.push(Buffer.from([value ? 1 : 0]))
    return this
  }

  buffer(value: Uint8Array): this {
    this.int(value.length)
    this.#parts.push(Buffer.from(value))
    return this
  }

  string(value: string): this {
    return this.buffer(Buffer.from(value))
  }

  /** Returns the record with its length in front, as on the wire. */
  frame(): Buffer {
    const body = Buffer.concat(this.#parts)
    return Buffer.concat([new JuteWriter().int(body.length).#parts[0] as Buffer, body])
  }
}

/** Reads what `JuteWriter` writes, without the length in front. Throws a RangeError past the end. */
export class JuteReader {
  readonly #body: Buffer
  #offset = 0

  constructor(body: Buffer) {
    this.#body = body
  }

  int(): number {
    this.#offset += 4
    return this.#body.readInt32BE(this.#offset - 4)
  }

  long(): bigint {
    this.#offset += 8
    return this.#body.readBigInt64BE(this.#offset - 8)
  }

  buffer(): Buffer {
    const length = Math.max(0, this.int())
    this.#offset += length
    return this.#body.subarray(this.#offset - length, this.#offset)
  }
}
