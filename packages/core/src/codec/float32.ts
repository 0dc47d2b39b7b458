/**
 * A number that is written as a 4-byte float: Go refuses the 8-byte one for a `float32` field.
 * Rounded to the nearest float; beyond its range ±Infinity, as in Go. Decoding gives a plain number.
 */
export class Float32 {
  readonly value: number
  /** Throws a TypeError if `value` is not a number. */
  constructor(value: number) {
    if (typeof value !== 'number') throw new TypeError(`a Float32 holds a number, not a ${typeof value}`)
    this.value = value
  }
  /** In JSON there is one kind of number. */
  toJSON(): number {
    return this.value
  }
}

// The values of another copy of this package are as good.
const BRAND = Symbol.for('rpcx.Float32')
Object.defineProperty(Float32.prototype, BRAND, { value: true })

export function isFloat32(value: object): value is Float32 {
  return BRAND in value
}
