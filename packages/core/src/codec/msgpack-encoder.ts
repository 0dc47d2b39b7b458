import { lazy } from '../lazy.ts'
import { hasContent, nameOf } from './contents.ts'
import { isExt } from './ext.ts'
import { isFloat32 } from './float32.ts'
import { pathTo } from './msgpack-path.ts'
import { MsgpackWriter } from './msgpack-writer.ts'

/** Encodes values as MessagePack. See `msgpack` for the types. */
export class MsgpackEncoder {
  readonly #out = new MsgpackWriter()
  #root: unknown

  /** Returns the bytes of `value`, valid until the next call. A getter of `value` must not call this method. */
  encode(value: unknown): Uint8Array {
    this.#root = value
    try {
      this.#value(value, 0)
      return this.#out.take()
    } catch (error) {
      this.#out.discard()
      throw error
    } finally {
      this.#root = undefined
    }
  }

  /** @param depth the number of containers around the value */
  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.#out.string(value)
        break
      case 'number':
        if (Number.isSafeInteger(value)) this.#out.integer(value)
        else this.#out.float64(value)
        break
      case 'object':
        if (value === null) this.#out.byte(0xc0)
        else this.#object(value, depth)
        break
      case 'boolean':
        this.#out.byte(value ? 0xc3 : 0xc2)
        break
      case 'undefined':
        this.#out.byte(0xc0)
        break
      case 'bigint':
        this.#bigint(value)
        break
      default:
        throw new TypeError(`msgpack: cannot encode a ${typeof value}${this.#where(value)}`)
    }
  }

  #object(value: object, depth: number): void {
    if (Array.isArray(value)) {
      this.#array(value, depth)
      return
    }
    const prototype = Object.getPrototypeOf(value)
    // Checks types without `instanceof`, which fails for values of another realm, as in jest.
    if (prototype === Object.prototype || prototype === null) this.#record(value, depth)
    else if (ArrayBuffer.isView(value)) this.#out.binary(bytesOf(value))
    else if (types.isAnyArrayBuffer(value)) this.#out.binary(new Uint8Array(value))
    else if (types.isMap(value)) this.#map(value, depth)
    // A copy, so that the length stays correct even if a getter changes the set.
    else if (types.isSet(value)) this.#array([...value], depth)
    else if (types.isDate(value)) this.#date(value)
    else if (isFloat32(value)) this.#out.float32(value.value)
    else if (isExt(value)) this.#out.extension(value.type, value.data)
    else if (hasContent(value)) this.#record(value, depth)
    else throw new TypeError(`msgpack: cannot encode a ${nameOf(value)}${this.#where(value)}`)
  }

  #array(values: readonly unknown[], depth: number): void {
    this.#checkDepth(depth)
    const length = values.length
    this.#out.array(length)
    for (let i = 0; i < length; i++) this.#value(values[i], depth + 1)
  }

  #record(value: object, depth: number): void {
    this.#checkDepth(depth)
    const keys = Object.keys(value)
    this.#out.map(keys.length)
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string
      this.#out.string(key)
      this.#value((value as Record<string, unknown>)[key], depth + 1)
    }
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    this.#checkDepth(depth)
    const entries = [...map]
    this.#out.map(entries.length)
    for (const [key, value] of entries) {
      this.#value(key, depth + 1)
      this.#value(value, depth + 1)
    }
  }

  #bigint(value: bigint): void {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
      this.#out.integer(Number(value))
    } else if (value >= -(2n ** 63n) && value < 2n ** 64n) {
      this.#out.integer64(value)
    } else {
      throw new RangeError(`msgpack: ${value} does not fit 64 bits${this.#where(value)}`)
    }
  }

  // Encodes a date in 4, 8 or 12 bytes, like `encodeTime` in vmihailenco/msgpack time.go.
  #date(date: Date): void {
    const milliseconds = date.getTime()
    if (Number.isNaN(milliseconds)) {
      throw new TypeError(`msgpack: cannot encode an invalid Date${this.#where(date)}`)
    }
    const seconds = Math.floor(milliseconds / 1000)
    const nanoseconds = (milliseconds - seconds * 1000) * 1e6
    const high = Math.floor(seconds / 2 ** 32)
    if (high < 0 || high > 3) {
      timestamp.writeUInt32BE(nanoseconds)
      timestamp.writeInt32BE(high, 4)
      timestamp.writeUInt32BE(seconds >>> 0, 8)
      this.#out.extension(-1, timestamp)
    } else if (high > 0 || nanoseconds > 0) {
      timestamp.writeUInt32BE(nanoseconds * 4 + high)
      timestamp.writeUInt32BE(seconds >>> 0, 4)
      this.#out.extension(-1, timestamp.subarray(0, 8))
    } else {
      timestamp.writeUInt32BE(seconds)
      this.#out.extension(-1, timestamp.subarray(0, 4))
    }
  }

  #checkDepth(depth: number): void {
    if (depth < maximumDepth) return
    const isContainer = (value: unknown) => typeof value === 'object' && value !== null
    const path = pathTo(this.#root, (value, found) => found >= maximumDepth && isContainer(value))
    throw new RangeError(`msgpack: more than ${maximumDepth} levels deep, perhaps cyclic${path}`)
  }

  #where(value: unknown): string {
    return pathTo(this.#root, found => Object.is(found, value))
  }
}

const { types } = lazy.util
const maximumDepth = 100
const timestamp = Buffer.alloc(12)

function bytesOf(view: ArrayBufferView): Uint8Array {
  if (types.isUint8Array(view)) return view
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}
