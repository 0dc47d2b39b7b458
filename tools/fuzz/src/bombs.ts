import { gzipSync } from 'node:zlib'

/** Small inputs that decode to large values. */

/** `[{}, {}, …]` in MessagePack: a byte for each object. */
export function emptyObjects(count: number): Buffer {
  const bytes = Buffer.alloc(5 + count, 0x80)
  bytes[0] = 0xdd
  bytes.writeUInt32BE(count, 1)
  return bytes
}

/** `[{},{},…]` in JSON. */
export function emptyJsonObjects(count: number): Buffer {
  return Buffer.from(`[${'{},'.repeat(count - 1)}{}]`)
}

export function zipped(payload: Buffer): Buffer {
  return gzipSync(payload, { level: 9 })
}

/** A map in MessagePack with this many numbers as keys, which V8 puts into one bucket, because its hash of numbers has no seed. */
export function collidingFloats(count: number): Buffer {
  const keys = collidingNumbers(count)
  const bytes = Buffer.alloc(5 + 10 * count)
  bytes[0] = 0xdf
  bytes.writeUInt32BE(count, 1)
  for (const [i, key] of keys.entries()) {
    const at = 5 + 10 * i
    bytes[at] = 0xcb
    bytes.writeDoubleBE(key, at + 1)
    bytes[at + 9] = 0xc0
  }
  return bytes
}

/** Returns different numbers with the same hash. */
export function collidingNumbers(count: number): readonly number[] {
  const numbers: number[] = []
  const bits = Buffer.alloc(8)
  for (let high = 1n; numbers.length < count; high++) {
    // The hash is the lower half of the inverse of this.
    bits.writeBigUInt64BE(unhashed(high << 32n))
    const number = bits.readDoubleBE()
    if (Number.isFinite(number) && !Number.isInteger(number)) numbers.push(number)
  }
  return numbers
}

/**
 * The inverse of V8's `ComputeLongHash` before it is cut to 32 bits:
 * `k = ~k + (k << 18); k ^= k >> 31; k *= 21; k ^= k >> 11; k += k << 6; k ^= k >> 22`
 */
function unhashed(hash: bigint): bigint {
  let k = unshifted(hash, 22n)
  k = u64(k * INVERSE_OF_65)
  k = unshifted(k, 11n)
  k = u64(k * INVERSE_OF_21)
  k = unshifted(k, 31n)
  return u64((k + 1n) * INVERSE_OF_2_18_LESS_1)
}

/** The inverse of `k ^ (k >> by)`. */
function unshifted(value: bigint, by: bigint): bigint {
  let k = value
  for (let shift = by; shift < 64n; shift += by) k = value ^ (k >> by)
  return k
}

/** The inverse of an odd number modulo 2^64, by Newton. */
function inverse(odd: bigint): bigint {
  let found = 1n
  for (let step = 0; step < 7; step++) found = u64(found * (2n - odd * found))
  return found
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value)
}

const INVERSE_OF_65 = inverse(65n)
const INVERSE_OF_21 = inverse(21n)
const INVERSE_OF_2_18_LESS_1 = inverse(2n ** 18n - 1n)
