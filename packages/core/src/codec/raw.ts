import { lazy } from '../lazy.ts'
import { Serialize } from '../wire/header.ts'
import type { Codec } from './codec.ts'

/** The codec for raw bytes. A decoded payload is a view into received data; copy it to keep it. */
export const raw: Codec = {
  name: 'raw',
  id: Serialize.raw,
  encode(value) {
    if (lazy.util.types.isUint8Array(value)) return value
    if (value === undefined) return EMPTY
    throw new TypeError(`raw: the value is ${value === null ? 'null' : typeof value}, not a Uint8Array`)
  },
  decode: bytes => bytes,
}

const EMPTY = new Uint8Array(0)
