import { RpcxError } from '../errors.ts'
import { lazy } from '../lazy.ts'
import { Serialize } from '../wire/header.ts'
import { hasContent, nameOf } from './contents.ts'
import { hasMoreBrackets, jsonSize } from './json-size.ts'
import type { CountingCodec, DecodeLimits } from './limits.ts'
import { DECODE_LIMITS, tooManyValues } from './limits.ts'
import { pathTo } from './msgpack-path.ts'

const { types } = lazy.util

// Payloads up to this size are not checked against the default limits: they cannot do harm, and most calls are smaller.
const LITTLE_BYTES = 1_024
// The estimate for payloads whose values are not counted.
const BYTES_PER_SHORT_VALUE = 8

/** JSON in UTF-8, as Go's `encoding/json` reads it: dates as ISO 8601, bytes as base64. */
class JsonCodec implements CountingCodec {
  readonly name = 'json'
  readonly id = Serialize.json
  lastValues = 0
  lastTextBytes = 0
  readonly #limits: DecodeLimits
  /** Payloads above this size are checked before they are parsed. */
  readonly #leastBytes: number

  constructor(limits: DecodeLimits) {
    const { maxValues, maxDepth } = limits
    this.#limits = limits
    const depthBytes = 2 * maxDepth
    const isDefault = maxDepth >= DECODE_LIMITS.maxDepth
    this.#leastBytes = Math.min(maxValues, isDefault ? Math.max(depthBytes, LITTLE_BYTES) : depthBytes)
  }

  encode(value: unknown): Uint8Array {
    const text = JSON.stringify(value, function (this: unknown, key, part) {
      return typeof part === 'object' && part !== null ? plain(this, key, part, value) : part
    })
    return Buffer.from(text ?? 'null')
  }

  decode(bytes: Uint8Array): unknown {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.lastTextBytes = buffer.length
    this.lastValues = (buffer.length / BYTES_PER_SHORT_VALUE) | 0
    if (buffer.length > this.#leastBytes) this.#check(buffer)
    try {
      return JSON.parse(buffer.toString())
    } catch (cause) {
      // V8's message quotes the payload, which may be confidential.
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

/** The JSON codec with the default limits. */
export const json: CountingCodec = new JsonCodec(DECODE_LIMITS)

/** Returns the JSON codec with these limits. */
export function jsonWithin(limits: DecodeLimits): CountingCodec {
  return limits === DECODE_LIMITS ? json : new JsonCodec(limits)
}

/** Returns the value that JSON.stringify encodes for an object. `toJSON` of a `Buffer` has already run, so the bytes come from `holder`. */
function plain(holder: unknown, key: string, part: object, root: unknown): unknown {
  const original = (holder as Record<string, unknown>)[key]
  if (types.isUint8Array(original)) return base64(original)
  const prototype = Object.getPrototypeOf(part)
  if (prototype === Object.prototype || prototype === null || Array.isArray(part)) return part
  if (types.isUint8Array(part)) return base64(part)
  if (types.isAnyArrayBuffer(part)) return base64(new Uint8Array(part))
  // JSON.stringify encodes both as an empty object.
  if (types.isMap(part)) return Object.fromEntries(part)
  if (types.isSet(part)) return [...part]
  if (hasContent(part) || types.isBoxedPrimitive(part)) return part
  throw new TypeError(`json: cannot encode a ${nameOf(part)}${pathTo(root, found => found === part)}`)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
