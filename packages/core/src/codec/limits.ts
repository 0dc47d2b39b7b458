import { RpcxError } from '../errors.ts'
import { checkCount } from '../options.ts'
import type { Codec } from './codec.ts'

/** What one payload may become when it is decoded. */
export interface DecodeLimits {
  /** Numbers, strings, keys, arrays and so on, all together. @default 1_000_000 */
  readonly maxValues: number
  /** Levels of arrays and objects. @default 100 */
  readonly maxDepth: number
  /** Keys of maps that are no strings. @default 4_096 */
  readonly maxMapKeys: number
}

/**
 * The defaults. A million empty objects take 0.4 s and 80 MB to decode; V8 finds a key that is a number by a hash that is the same in every
 * process, so that 4 096 keys that were chosen to collide take 25 ms, and ten times as many a hundred times as long.
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

/** A codec of ours, which counts. */
export interface CountingCodec extends Codec {
  /** How many values the last payload had, or about as many. */
  readonly lastValues: number
  /** How many bytes of it were text. */
  readonly lastTextBytes: number
}

/** Whether it is MessagePack or JSON of ours. */
export function isCounting(codec: Codec): codec is CountingCodec {
  return 'lastValues' in codec
}

/** What the value of the last payload takes in memory, about, as far as its codec knows. To be asked right after it was decoded. */
export function decodedBytes(codec: Codec): number {
  const { lastValues = 0, lastTextBytes = 0 } = codec as Partial<CountingCodec>
  return lastValues * BYTES_PER_VALUE + lastTextBytes * BYTES_PER_TEXT_BYTE
}

/** An empty object and its place in an array. */
const BYTES_PER_VALUE = 64
/** One character beyond U+00FF makes all of its text take two bytes each. */
const BYTES_PER_TEXT_BYTE = 2

/** @param name of the codec, for the message */
export function tooManyValues(name: string, maxValues: number, bytes: number): RpcxError {
  return new RpcxError(
    'ERR_RPCX_CODEC',
    `${name}: a payload of ${bytes} bytes has more values than maxValues ${maxValues}`,
  )
}

// Each level takes a frame of the stack.
const DEEPEST = 1_000
