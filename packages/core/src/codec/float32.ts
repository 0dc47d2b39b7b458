/**
 * A number that is encoded as a 4-byte float: Go rejects the 8-byte one for a `float32` field. It is rounded to the nearest float; beyond
 * the range it becomes ±Infinity, as in Go. It decodes to a plain number.
 */
export class Float32 {
  readonly value: number
  /** @throws TypeError if `value` is not a number */
  constructor(value: number) {
    if (typeof value !== 'number') throw new TypeError(`a Float32 holds a number, not a ${typeof value}`)
    this.value = value
  }
  /** Returns the number, because JSON has only one kind of number. */
  toJSON(): number {
    return this.value
  }
}

// Identifies values of other copies of this package, for which `instanceof` fails.
const BRAND = Symbol.for('rpcx.Float32')
Object.defineProperty(Float32.prototype, BRAND, { value: true })

export function isFloat32(value: object): value is Float32 {
  return BRAND in value
}
