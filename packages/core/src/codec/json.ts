import { RpcxError } from '../errors.ts'
import { Serialize } from '../wire/header.ts'
import { hasMoreBrackets, jsonSize } from './json-size.ts'
import type { CountingCodec, DecodeLimits } from './limits.ts'
import { DECODE_LIMITS, tooManyValues } from './limits.ts'

// Of so little nothing can be made that would do harm, and most calls have less.
const LITTLE_BYTES = 1_024
// Where nobody counts.
const BYTES_PER_SHORT_VALUE = 8

/** JSON in UTF-8, as Go's `encoding/json` reads it: dates as ISO 8601, bytes as base64. */
class JsonCodec implements CountingCodec {
  readonly name = 'json'
  readonly id = Serialize.json
  lastValues = 0
  readonly #limits: DecodeLimits
  /** The shortest payload that is looked at before it is parsed. */
  readonly #leastBytes: number

  constructor(limits: DecodeLimits) {
    const { maxValues, maxDepth } = limits
    this.#limits = limits
    const depthBytes = 2 * maxDepth
    const isDefault = maxDepth >= DECODE_LIMITS.maxDepth
    this.#leastBytes = Math.min(maxValues, isDefault ? Math.max(depthBytes, LITTLE_BYTES) : depthBytes)
  }

  encode(value: unknown): Uint8Array {
    return Buffer.from(JSON.stringify(value, bytesAsBase64) ?? 'null')
  }

  decode(bytes: Uint8Array): unknown {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.lastValues = (buffer.length / BYTES_PER_SHORT_VALUE) | 0
    if (buffer.length > this.#leastBytes) this.#check(buffer)
    try {
      return JSON.parse(buffer.toString())
    } catch (cause) {
      // V8 quotes the text, which is nobody's but its sender's to know.
      const why = (cause as Error).message.replace(/, (?:\.{3})?".*is not valid JSON$/s, '')
      throw new RpcxError('ERR_RPCX_CODEC', `json: ${why}`, { cause })
    }
  }

  #check(bytes: Buffer): void {
    const { maxValues, maxDepth } = this.#limits
    if (bytes.length <= maxValues && !hasMoreBrackets(bytes, maxDepth)) return
    const { values, depth } = jsonSize(bytes)
    this.lastValues = values
    if (values > maxValues) throw tooManyValues('json', maxValues, bytes.length)
    if (depth > maxDepth)
      throw new RpcxError('ERR_RPCX_CODEC', `json: ${depth} levels deep, more than maxDepth ${maxDepth}`)
  }
}

/** JSON within the default limits. */
export const json: CountingCodec = new JsonCodec(DECODE_LIMITS)

/** JSON within these limits. */
export function jsonWithin(limits: DecodeLimits): CountingCodec {
  return limits === DECODE_LIMITS ? json : new JsonCodec(limits)
}

// `Buffer` has a `toJSON` that runs before this function: `this` still holds the bytes.
function bytesAsBase64(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key]
  const bytes = original instanceof Uint8Array ? original : value
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('base64') : value
}
