/**
 * A MessagePack extension value of an application's own type. Type -1 is the timestamp: it decodes to a Date.
 * Go refuses types it has not registered with `msgpack.RegisterExt`.
 */
export class Ext {
  readonly type: number
  /** When decoded: a view into the payload. */
  readonly data: Uint8Array
  /** Throws a RangeError if `type` is not an integer from -128 to 127, a TypeError if `data` is not bytes. */
  constructor(type: number, data: Uint8Array) {
    if (!Number.isInteger(type) || type < -128 || type > 127) {
      throw new RangeError(`an extension type is an integer from -128 to 127, not ${type}`)
    }
    if (!(data instanceof Uint8Array)) throw new TypeError('the data of an extension is a Uint8Array')
    this.type = type
    this.data = data
  }
}

// The values of another copy of this package are as good.
const BRAND = Symbol.for('rpcx.Ext')
Object.defineProperty(Ext.prototype, BRAND, { value: true })

export function isExt(value: object): value is Ext {
  return BRAND in value
}
