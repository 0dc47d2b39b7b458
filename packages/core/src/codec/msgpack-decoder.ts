import { RpcxError } from '../errors.ts'
import { Ext } from './ext.ts'
import type { DecodeLimits } from './limits.ts'
import { DECODE_LIMITS, tooManyValues } from './limits.ts'
import { MsgpackReader, malformed } from './msgpack-reader.ts'

/** Decodes MessagePack. See `msgpack` for the types. */
export class MsgpackDecoder {
  readonly #in = new MsgpackReader()
  readonly #maxValues: number
  readonly #maxDepth: number
  readonly #maxMapKeys: number
  /** The number of keys in maps with a key that is not a string. */
  #mapKeys = 0
  #bytes = 0
  /** The number of values in the last payload, by the lengths of its arrays and maps. */
  values = 0

  get textBytes(): number {
    return this.#in.textBytes
  }

  constructor({ maxValues, maxDepth, maxMapKeys }: DecodeLimits = DECODE_LIMITS) {
    this.#maxValues = maxValues
    this.#maxDepth = maxDepth
    this.#maxMapKeys = maxMapKeys
  }

  /** Returns the first value in `bytes`. Memory and time are proportional to `bytes`, within the limits. @throws `ERR_RPCX_CODEC` */
  decode(bytes: Uint8Array): unknown {
    if (bytes.length === 0) throw malformed('EOF: the payload is empty')
    this.values = 0
    this.#mapKeys = 0
    this.#bytes = bytes.length
    this.#in.open(bytes)
    try {
      return this.#value(0)
    } finally {
      this.#in.close()
    }
  }

  /** @param depth the number of containers around the value */
  #value(depth: number): unknown {
    const code = this.#in.uint8()
    if (code < 0x80) return code
    if (code < 0x90) return this.#map(code & 0x0f, depth)
    if (code < 0xa0) return this.#array(code & 0x0f, depth)
    if (code < 0xc0) return this.#in.string(code & 0x1f)
    if (code >= 0xe0) return code - 0x100
    switch (code) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#in.bytes(this.#in.uint8())
      case 0xc5:
        return this.#in.bytes(this.#in.uint16())
      case 0xc6:
        return this.#in.bytes(this.#in.uint32())
      case 0xc7:
        return this.#extension(this.#in.uint8())
      case 0xc8:
        return this.#extension(this.#in.uint16())
      case 0xc9:
        return this.#extension(this.#in.uint32())
      case 0xca:
        return this.#in.float32()
      case 0xcb:
        return this.#in.float64()
      case 0xcc:
        return this.#in.uint8()
      case 0xcd:
        return this.#in.uint16()
      case 0xce:
        return this.#in.uint32()
      case 0xcf:
        return this.#in.uint64()
      case 0xd0:
        return this.#in.int8()
      case 0xd1:
        return this.#in.int16()
      case 0xd2:
        return this.#in.int32()
      case 0xd3:
        return this.#in.int64()
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (code - 0xd4))
      case 0xd9:
        return this.#in.string(this.#in.uint8())
      case 0xda:
        return this.#in.string(this.#in.uint16())
      case 0xdb:
        return this.#in.string(this.#in.uint32())
      case 0xdc:
        return this.#array(this.#in.uint16(), depth)
      case 0xdd:
        return this.#array(this.#in.uint32(), depth)
      case 0xde:
        return this.#map(this.#in.uint16(), depth)
      case 0xdf:
        return this.#map(this.#in.uint32(), depth)
      default:
        throw malformed(`0x${code.toString(16)} at byte ${this.#in.position - 1} begins no value`)
    }
  }

  #array(length: number, depth: number): unknown[] {
    this.#enter('an array', length, length, depth)
    // Not preallocated: each of many nested arrays could claim all remaining bytes as its length.
    const values: unknown[] = []
    for (let i = 0; i < length; i++) values.push(this.#value(depth + 1))
    return values
  }

  #map(length: number, depth: number): unknown {
    this.#enter('a map', length, length * 2, depth)
    const record: Record<string, unknown> = {}
    for (let i = 0; i < length; i++) {
      const key = this.#in.shortKey() ?? this.#value(depth + 1)
      if (typeof key !== 'string') return this.#mapFrom(record, key, length - i, depth)
      if (key === '__proto__') define(record, key, this.#value(depth + 1))
      else record[key] = this.#value(depth + 1)
    }
    return record
  }

  /**
   * Decodes the rest of a map whose first key that is not a string is `key`. `left` counts the remaining entries, including that of `key`.
   */
  #mapFrom(record: object, key: unknown, left: number, depth: number): Map<unknown, unknown> {
    const entries = Object.entries(record)
    const map = new Map<unknown, unknown>(entries)
    this.#countKeys(entries.length + 1)
    map.set(key, this.#value(depth + 1))
    for (let i = 1; i < left; i++) {
      const next = this.#value(depth + 1)
      this.#countKeys(1)
      map.set(next, this.#value(depth + 1))
    }
    return map
  }

  #extension(length: number): Ext | Date {
    const type = this.#in.int8()
    if (type !== -1) return new Ext(type, this.#in.bytes(length))
    if (length === 4) return this.#date(this.#in.uint32(), 0)
    if (length === 8) {
      const high = this.#in.uint32()
      return this.#date((high & 3) * 2 ** 32 + this.#in.uint32(), high >>> 2)
    }
    if (length === 12) {
      const nanoseconds = this.#in.uint32()
      return this.#date(this.#in.int32() * 2 ** 32 + this.#in.uint32(), nanoseconds)
    }
    throw malformed(`a timestamp of ${length} bytes before byte ${this.#in.position}`)
  }

  #date(seconds: number, nanoseconds: number): Date {
    const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6))
    if (!Number.isNaN(date.getTime())) return date
    throw malformed(`the timestamp before byte ${this.#in.position} is beyond what a Date holds`)
  }

  #enter(what: string, length: number, fewestBytes: number, depth: number): void {
    const { position, left } = this.#in
    if (fewestBytes > left) {
      throw malformed(
        `unexpected EOF: ${what} of ${length} before byte ${position}, but ${left} bytes are left`,
      )
    }
    if (depth >= this.#maxDepth)
      throw malformed(`more than ${this.#maxDepth} levels deep at byte ${position} (maxDepth)`)
    this.values += fewestBytes
    // A payload with fewer bytes cannot have more values, whatever lengths it claims.
    if (this.values > this.#maxValues && this.#bytes > this.#maxValues)
      throw tooManyValues('msgpack', this.#maxValues, this.#bytes)
  }

  #countKeys(count: number): void {
    this.#mapKeys += count
    if (this.#mapKeys <= this.#maxMapKeys) return
    throw new RpcxError(
      'ERR_RPCX_CODEC',
      `msgpack: a payload of ${this.#bytes} bytes has maps with keys that are no strings, of more keys than maxMapKeys ${this.#maxMapKeys}`,
    )
  }
}

/** Defines an own property. An assignment to `__proto__` would change the prototype. */
function define(record: object, key: string, value: unknown): void {
  Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true })
}
