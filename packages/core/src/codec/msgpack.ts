import type { Codec } from './codec.ts'
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
 * Both ways at most 100 levels deep. `encode` throws a TypeError for functions, symbols and invalid dates, a
 * RangeError for what is too deep, too long or beyond 64 bits. `decode` throws `ERR_RPCX_CODEC`; bytes after
 * the value are ignored.
 */
export const msgpack: Codec = {
  name: 'msgpack',
  id: 3,
  encode(value) {
    // A getter of `value` may encode too: it finds no idle encoder and gets its own.
    const encoder = idle ?? new MsgpackEncoder()
    idle = undefined
    try {
      return encoder.encode(value)
    } finally {
      idle = encoder
    }
  },
  decode(bytes) {
    return decoder.decode(bytes)
  },
}

let idle: MsgpackEncoder | undefined
const decoder = new MsgpackDecoder()
