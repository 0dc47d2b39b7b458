import type { CountingCodec, DecodeLimits } from './limits.ts'
import { DECODE_LIMITS } from './limits.ts'
import { MsgpackDecoder } from './msgpack-decoder.ts'
import { MsgpackEncoder } from './msgpack-encoder.ts'

/**
 * MessagePack as Go's vmihailenco/msgpack v5 writes and reads it; serialize type 3, the default of rpcx.
 *
 * | JavaScript | MessagePack | decodes to |
 * |---|---|---|
 * | safe integer, `bigint` of 64 bits | the shortest integer; Go's for `int` | number if safe, else `bigint` |
 * | any other number | float64 | number |
 * | `Float32` | float32 | number |
 * | string | str; lone surrogates as U+FFFD | string; bytes that are not UTF-8 as U+FFFD |
 * | `null`, `undefined` | nil | `null` |
 * | `ArrayBuffer`, any view of one | bin | `Buffer`, a view into the payload |
 * | array, `Set` | array | array |
 * | object: own enumerable string keys; `Map` | map | object; `Map` if any key is not a string |
 * | `Date` | timestamp | `Date`; below 1 ms is cut off |
 * | `Ext` | ext | `Ext` |
 *
 * Values may have at most 100 levels; `maxDepth` changes that for `decode`. `encode` throws a TypeError for functions, symbols and invalid
 * dates. It throws a RangeError for values that are too deep, too long or beyond 64 bits. `decode` throws `ERR_RPCX_CODEC`, and ignores
 * bytes after the value.
 */
class MsgpackCodec implements CountingCodec {
  readonly name = 'msgpack'
  readonly id = 3
  readonly #decoder: MsgpackDecoder

  constructor(limits: DecodeLimits) {
    this.#decoder = new MsgpackDecoder(limits)
  }

  get lastValues(): number {
    return this.#decoder.values
  }

  get lastTextBytes(): number {
    return this.#decoder.textBytes
  }

  encode(value: unknown): Uint8Array {
    // A getter of `value` may also encode. That call finds no idle encoder and creates its own.
    const encoder = idle ?? new MsgpackEncoder()
    idle = undefined
    try {
      return encoder.encode(value)
    } finally {
      idle = encoder
    }
  }

  decode(bytes: Uint8Array): unknown {
    return this.#decoder.decode(bytes)
  }
}

let idle: MsgpackEncoder | undefined

/** The MessagePack codec with the default limits. */
export const msgpack: CountingCodec = new MsgpackCodec(DECODE_LIMITS)

/** Returns the MessagePack codec with these limits. */
export function msgpackWithin(limits: DecodeLimits): CountingCodec {
  return limits === DECODE_LIMITS ? msgpack : new MsgpackCodec(limits)
}
