import { Serialize } from '../../src/wire/header.ts'

/**
 * What a payload means to Go, read independently of our codecs: two payloads with equal values decode to the same in
 * Go. Integers are numbers or `{ $int }`, floats `{ $float32 }` or `{ $float64 }`, as Go refuses one where it
 * wants another.
 */
export function meaningOf(payload: Buffer, serialize: number): unknown {
  if (payload.length === 0) return { $hex: '' }
  if (serialize === Serialize.msgpack) return new Reader(payload).value()
  if (serialize === Serialize.json) return JSON.parse(payload.toString().replace(TOKEN, exactly))
  return { $hex: payload.toString('hex') }
}

/** `ours` with each integer as a float where `theirs` has one: Go takes integers for floats, but not the reverse. */
export function asTyped(ours: unknown, theirs: unknown): unknown {
  if (typeof ours === 'number' && isObject(theirs)) {
    for (const float of ['$float32', '$float64']) if (float in theirs) return { [float]: ours }
  }
  if (!isObject(ours) || !isObject(theirs) || Array.isArray(ours) !== Array.isArray(theirs)) return ours
  if (Array.isArray(ours)) return ours.map((item, i) => asTyped(item, theirs[i]))
  return Object.fromEntries(Object.entries(ours).map(([key, item]) => [key, asTyped(item, theirs[key])]))
}

/** A value whose integers beyond 2^53 went through a JavaScript number and its shortest decimal form. */
export function rounded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rounded)
  if (!isObject(value)) return value
  if ('$int' in value) return { $int: String(Number(value.$int)) }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]))
}

function isObject(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?![\d.eE])/g

function exactly(token: string): string {
  if (token.startsWith('"') || Number.isSafeInteger(Number(token))) return token
  return `{"$int":"${token}"}`
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  value(): unknown {
    const code = this.#uint(1)
    if (code < 0x80) return code
    if (code < 0x90) return this.#map(code & 0x0f)
    if (code < 0xa0) return this.#array(code & 0x0f)
    if (code < 0xc0) return this.#text(code & 0x1f)
    if (code >= 0xe0) return code - 0x100
    if (code >= 0xc4 && code <= 0xc6)
      return { $bytes: this.#take(this.#uint(1 << (code - 0xc4))).toString('hex') }
    if (code >= 0xc7 && code <= 0xc9) return this.#ext(this.#uint(1 << (code - 0xc7)))
    if (code >= 0xcc && code <= 0xcf)
      return integer(BigInt(`0x${this.#take(1 << (code - 0xcc)).toString('hex')}`))
    if (code >= 0xd0 && code <= 0xd3) return this.#signed(1 << (code - 0xd0))
    if (code >= 0xd4 && code <= 0xd8) return this.#ext(1 << (code - 0xd4))
    if (code >= 0xd9 && code <= 0xdb) return this.#text(this.#uint(1 << (code - 0xd9)))
    if (code >= 0xdc && code <= 0xdd) return this.#array(this.#uint(2 << (code - 0xdc)))
    if (code >= 0xde) return this.#map(this.#uint(2 << (code - 0xde)))
    if (code === 0xca) return { $float32: this.#take(4).readFloatBE() }
    if (code === 0xcb) return { $float64: this.#take(8).readDoubleBE() }
    return { 192: null, 194: false, 195: true }[code]
  }

  #signed(width: number): unknown {
    return integer(BigInt.asIntN(8 * width, BigInt(`0x${this.#take(width).toString('hex')}`)))
  }

  #text(length: number): unknown {
    const bytes = this.#take(length)
    const text = bytes.toString()
    return Buffer.from(text).equals(bytes) ? text : { $text: bytes.toString('hex') }
  }

  #array(length: number): unknown[] {
    return Array.from({ length }, () => this.value())
  }

  #map(length: number): unknown {
    const pairs = Array.from({ length }, () => [this.value(), this.value()])
    return pairs.every(([key]) => typeof key === 'string') ? Object.fromEntries(pairs) : { $map: pairs }
  }

  #ext(length: number): unknown {
    const type = this.#uint(1)
    const bytes = this.#take(length)
    if (type !== 0xff) return { $ext: type, bytes: bytes.toString('hex') }
    // One moment may be written in three widths.
    if (length === 4) return moment(bytes.readUInt32BE(), 0)
    if (length === 12) return moment(Number(bytes.readBigInt64BE(4)), bytes.readUInt32BE())
    const high = bytes.readUInt32BE()
    return moment((high & 3) * 2 ** 32 + bytes.readUInt32BE(4), high >>> 2)
  }

  #uint(width: number): number {
    return this.#take(width).readUIntBE(0, width)
  }

  #take(length: number): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    if (bytes.length < length) throw new RangeError('the payload is cut short')
    this.#at += length
    return bytes
  }
}

function moment(seconds: number, nanoseconds: number): unknown {
  return { $time: [seconds, nanoseconds] }
}

function integer(value: bigint): unknown {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : { $int: String(value) }
}
