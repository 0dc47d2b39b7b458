/**
 * A MessagePack extension value with an application-defined type. Type -1 is the timestamp, which decodes to a Date. Go rejects types that
 * are not registered with `msgpack.RegisterExt`.
 */
export class Ext {
  readonly type: number
  /** The data; a view into the payload when decoded. */
  readonly data: Uint8Array
  /** @throws RangeError if `type` is not an integer from -128 to 127; TypeError if `data` is not a Uint8Array */
  constructor(type: number, data: Uint8Array) {
    if (!Number.isInteger(type) || type < -128 || type > 127) {
      throw new RangeError(`an extension type is an integer from -128 to 127, not ${type}`)
    }
    if (!(data instanceof Uint8Array)) throw new TypeError('the data of an extension is a Uint8Array')
    this.type = type
    this.data = data
  }
}

// Identifies values of other copies of this package, for which `instanceof` fails.
const BRAND = Symbol.for('rpcx.Ext')
Object.defineProperty(Ext.prototype, BRAND, { value: true })

export function isExt(value: object): value is Ext {
  return BRAND in value
}
