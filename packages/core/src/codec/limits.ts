import { RpcxError } from '../errors.ts'
import { checkCount } from '../options.ts'
import type { Codec } from './codec.ts'

/** The limits on the value of one payload. */
export interface DecodeLimits {
  /** The maximum number of values: numbers, strings, keys, arrays, … @default 1_000_000 */
  readonly maxValues: number
  /** The maximum number of levels of arrays and objects. @default 100 */
  readonly maxDepth: number
  /** The maximum number of keys in maps with a key that is not a string. @default 4_096 */
  readonly maxMapKeys: number
}

/**
 * The default limits. A million empty objects take 0.4 s and 80 MB to decode. V8 hashes number keys in the same way in every process, so an
 * attacker can choose keys that collide. 4 096 such keys take 25 ms, and ten times as many take a hundred times as long.
 */
export const DECODE_LIMITS: DecodeLimits = { maxValues: 1_000_000, maxDepth: 100, maxMapKeys: 4_096 }

/** @throws RangeError that names the option */
export function checkLimits(who: string, options: Partial<DecodeLimits>): DecodeLimits {
  const { maxValues, maxDepth, maxMapKeys } = options
  if (maxValues === undefined && maxDepth === undefined && maxMapKeys === undefined) return DECODE_LIMITS
  return {
    maxValues: checkCount(who, 'maxValues', maxValues ?? DECODE_LIMITS.maxValues, 1),
    maxDepth: Math.min(checkCount(who, 'maxDepth', maxDepth ?? DECODE_LIMITS.maxDepth, 1), DEEPEST),
    maxMapKeys: checkCount(who, 'maxMapKeys', maxMapKeys ?? DECODE_LIMITS.maxMapKeys),
  }
}

/** A built-in codec that counts the values of a payload. */
export interface CountingCodec extends Codec {
  /** The number of values in the last payload, or an estimate. */
  readonly lastValues: number
  /** The number of bytes of text in the last payload. */
  readonly lastTextBytes: number
}

/** Returns whether a codec is the built-in MessagePack or JSON. */
export function isCounting(codec: Codec): codec is CountingCodec {
  return 'lastValues' in codec
}

/**
 * Returns an estimate of the memory of the last decoded value in bytes; 0 for codecs that do not count. To be called right after decoding.
 */
export function decodedBytes(codec: Codec): number {
  const { lastValues = 0, lastTextBytes = 0 } = codec as Partial<CountingCodec>
  return lastValues * BYTES_PER_VALUE + lastTextBytes * BYTES_PER_TEXT_BYTE
}

/** The size of an empty object and its slot in an array. */
const BYTES_PER_VALUE = 64
/** One character beyond U+00FF makes V8 store its whole string in two bytes per character. */
const BYTES_PER_TEXT_BYTE = 2

/** @param name the name of the codec, for the message */
export function tooManyValues(name: string, maxValues: number, bytes: number): RpcxError {
  return new RpcxError(
    'ERR_RPCX_CODEC',
    `${name}: a payload of ${bytes} bytes has more values than maxValues ${maxValues}`,
  )
}

// Each level takes a stack frame.
const DEEPEST = 1_000
