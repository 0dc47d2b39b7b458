/** Writes MessagePack formats to a buffer that grows and is reused. */
export class MsgpackWriter {
  #buffer = Buffer.allocUnsafeSlow(initialBytes)
  #position = 0

  /** Returns the bytes written since the last call. They are valid until the next write. */
  take(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.#position)
    this.discard()
    return bytes
  }

  /** Drops the bytes written since the last `take`. Also drops a buffer that has grown beyond 1 MiB. */
  discard(): void {
    this.#position = 0
    if (this.#buffer.length > keptBytes) this.#buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  byte(byte: number): void {
    this.#reserve(1)
    this.#buffer[this.#position++] = byte
  }

  /** Writes a string as UTF-8. A lone surrogate becomes U+FFFD. */
  string(value: string): void {
    const length = value.length
    if (length > loopLength) {
      this.#utf8(value)
      return
    }
    this.#reserve(length + 1)
    const buffer = this.#buffer
    let position = this.#position
    buffer[position++] = 0xa0 | length
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code >= 0x80) {
        this.#utf8(value)
        return
      }
      buffer[position++] = code
    }
    this.#position = position
  }

  #utf8(value: string): void {
    const start = this.#position
    // A UTF-16 unit takes one to three bytes. Reserves room for the shortest possible header.
    const room = stringHeaderBytes(value.length)
    this.#reserve(5 + (value.length > 4096 ? Buffer.byteLength(value) : value.length * 3))
    const length = this.#buffer.write(value, start + room)
    const header = stringHeaderBytes(length)
    if (header !== room) this.#buffer.copyWithin(start + header, start + room, start + room + length)
    if (length < 32) this.byte(0xa0 | length)
    else this.#length8(0xd9, length)
    this.#position += length
  }

  /** Writes a safe integer in as many bytes as `EncodeInt` and `EncodeUint` in vmihailenco/msgpack encode_number.go. */
  integer(value: number): void {
    this.#reserve(9)
    const buffer = this.#buffer
    let position = this.#position
    if (value >= 0) {
      if (value < 0x80) {
        buffer[position++] = value
      } else if (value <= 0xff) {
        buffer[position++] = 0xcc
        buffer[position++] = value
      } else if (value <= 0xffff) {
        buffer[position++] = 0xcd
        position = buffer.writeUInt16BE(value, position)
      } else if (value <= 0xffffffff) {
        buffer[position++] = 0xce
        position = buffer.writeUInt32BE(value, position)
      } else {
        buffer[position++] = 0xcf
        position = buffer.writeUInt32BE(Math.floor(value / 2 ** 32), position)
        position = buffer.writeUInt32BE(value >>> 0, position)
      }
    } else if (value >= -0x20) {
      buffer[position++] = value
    } else if (value >= -0x80) {
      buffer[position++] = 0xd0
      buffer[position++] = value
    } else if (value >= -0x8000) {
      buffer[position++] = 0xd1
      position = buffer.writeInt16BE(value, position)
    } else if (value >= -0x80000000) {
      buffer[position++] = 0xd2
      position = buffer.writeInt32BE(value, position)
    } else {
      buffer[position++] = 0xd3
      position = buffer.writeInt32BE(Math.floor(value / 2 ** 32), position)
      position = buffer.writeUInt32BE(value >>> 0, position)
    }
    this.#position = position
  }

  /** Writes an integer that is not a safe one as eight bytes after 0xd3 or 0xcf. */
  integer64(value: bigint): void {
    this.byte(value < 0n ? 0xd3 : 0xcf)
    this.#reserve(8)
    this.#position = this.#buffer.writeBigUInt64BE(BigInt.asUintN(64, value), this.#position)
  }

  float32(value: number): void {
    this.byte(0xca)
    this.#reserve(4)
    this.#position = this.#buffer.writeFloatBE(value, this.#position)
  }

  float64(value: number): void {
    this.byte(0xcb)
    this.#reserve(8)
    this.#position = this.#buffer.writeDoubleBE(value, this.#position)
    if (Number.isNaN(value)) this.#buffer.set(goNaN, this.#position - 8)
  }

  array(length: number): void {
    if (length < 16) this.byte(0x90 | length)
    else this.#length16(0xdc, length)
  }

  map(length: number): void {
    if (length < 16) this.byte(0x80 | length)
    else this.#length16(0xde, length)
  }

  binary(bytes: Uint8Array): void {
    this.#length8(0xc4, bytes.length)
    this.#bytes(bytes)
  }

  extension(type: number, data: Uint8Array): void {
    const fixed = fixedExtensionBytes.indexOf(data.length)
    if (fixed >= 0) this.byte(0xd4 + fixed)
    else this.#length8(0xc7, data.length)
    this.byte(type & 0xff)
    this.#bytes(data)
  }

  #bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#position)
    this.#position += bytes.length
  }

  /** Writes a length of 8, 16 or 32 bits after `code`, `code` + 1 or `code` + 2. */
  #length8(code: number, length: number): void {
    if (length <= 0xff) {
      this.byte(code)
      this.byte(length)
    } else {
      this.#length16(code + 1, length)
    }
  }

  /** Writes a length of 16 or 32 bits after `code` or `code` + 1. */
  #length16(code: number, length: number): void {
    if (length > 0xffffffff) throw new RangeError(`msgpack: a length of ${length} does not fit 32 bits`)
    this.#reserve(5)
    if (length <= 0xffff) {
      this.byte(code)
      this.#position = this.#buffer.writeUInt16BE(length, this.#position)
    } else {
      this.byte(code + 1)
      this.#position = this.#buffer.writeUInt32BE(length, this.#position)
    }
  }

  #reserve(length: number): void {
    const needed = this.#position + length
    if (needed > this.#buffer.length) this.#grow(needed)
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    grown.set(this.#buffer.subarray(0, this.#position))
    this.#buffer = grown
  }
}

const initialBytes = 8192
const keptBytes = 1024 * 1024
/** Up to this length, a loop over ASCII is faster than a call of `Buffer.write`. At most 31, which is the limit of the short header. */
const loopLength = 31
/** Go's NaN, which also has its lowest bit set. */
const goNaN = Buffer.from('7ff8000000000001', 'hex')
const fixedExtensionBytes: readonly number[] = [1, 2, 4, 8, 16]

function stringHeaderBytes(length: number): number {
  if (length < 32) return 1
  if (length <= 0xff) return 2
  return length <= 0xffff ? 3 : 5
}
