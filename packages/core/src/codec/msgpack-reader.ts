import { RpcxError } from '../errors.ts'
import { KeyCache } from '../key-cache.ts'

/** Reads MessagePack from a payload. Each method throws `ERR_RPCX_CODEC` at the end of the payload. */
export class MsgpackReader {
  readonly #keys = new KeyCache()
  #bytes: Buffer = nothing
  #position = 0
  /** The number of bytes that were read as text. */
  textBytes = 0

  /** Starts at the first byte of `bytes`, and holds them until `close()`. */
  open(bytes: Uint8Array): void {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#position = 0
    this.textBytes = 0
  }

  /** Releases the payload. */
  close(): void {
    this.#bytes = nothing
  }

  /** The offset of the next byte in the payload. */
  get position(): number {
    return this.#position
  }

  /** The number of bytes that follow. */
  get left(): number {
    return this.#bytes.length - this.#position
  }

  uint8(): number {
    const byte = this.#bytes[this.#position]
    if (byte === undefined) throw malformed(`unexpected EOF at byte ${this.#position}`)
    this.#position++
    return byte
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2))
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  uint64(): number | bigint {
    const at = this.#take(8)
    const value = this.#bytes.readUInt32BE(at) * 2 ** 32 + this.#bytes.readUInt32BE(at + 4)
    return Number.isSafeInteger(value) ? value : this.#bytes.readBigUInt64BE(at)
  }

  int8(): number {
    return (this.uint8() << 24) >> 24
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  int64(): number | bigint {
    const at = this.#take(8)
    const value = this.#bytes.readInt32BE(at) * 2 ** 32 + this.#bytes.readUInt32BE(at + 4)
    return Number.isSafeInteger(value) ? value : this.#bytes.readBigInt64BE(at)
  }

  float32(): number {
    return this.#bytes.readFloatBE(this.#take(4))
  }

  float64(): number {
    return this.#bytes.readDoubleBE(this.#take(8))
  }

  /** Returns the next `length` bytes as a view into the payload. */
  bytes(length: number): Buffer {
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** Returns the next `length` bytes as a string. Invalid UTF-8 becomes U+FFFD. */
  string(length: number): string {
    this.textBytes += length
    const start = this.#take(length)
    const bytes = this.#bytes
    const end = start + length
    if (length > loopLength) return bytes.toString('utf8', start, end)
    let text = ''
    let position = start
    for (; position + 4 <= end; position += 4) {
      const a = bytes[position] as number
      const b = bytes[position + 1] as number
      const c = bytes[position + 2] as number
      const d = bytes[position + 3] as number
      if ((a | b | c | d) & 0x80) return bytes.toString('utf8', start, end)
      text += String.fromCharCode(a, b, c, d)
    }
    for (; position < end; position++) {
      const byte = bytes[position] as number
      if (byte & 0x80) return bytes.toString('utf8', start, end)
      text += String.fromCharCode(byte)
    }
    return text
  }

  /** Returns the next string from a cache if it has 0 to 31 bytes. Otherwise returns `undefined` and reads nothing. */
  shortKey(): string | undefined {
    const code = this.#bytes[this.#position]
    if (code === undefined || code < 0xa0 || code > 0xbf) return undefined
    this.#position++
    const length = code & 0x1f
    return this.#keys.read(this.#bytes, this.#take(length), length)
  }

  /** Moves past the next `length` bytes. Returns their offset. */
  #take(length: number): number {
    const start = this.#position
    const left = this.#bytes.length - start
    if (length > left)
      throw malformed(`unexpected EOF: ${length} bytes are due at byte ${start}, ${left} are left`)
    this.#position = start + length
    return start
  }
}

/** Returns the error for a payload that is not valid MessagePack. */
export function malformed(what: string): RpcxError {
  return new RpcxError('ERR_RPCX_CODEC', `msgpack: ${what}`)
}

const nothing = Buffer.alloc(0)
/** Up to this length, a loop over ASCII is faster than a call of `Buffer.toString`. */
const loopLength = 12
